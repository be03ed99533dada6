import { logIndex } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { smallPlan, smallTask } from '../../testing/small-plans.ts';
import { TaskBoard } from '../board/task-board.ts';
import { builtInDetectors, conflictsAt } from './conflicts-at.ts';
import { DetectorRegistry } from './detector.ts';

function fullBarrier(check: string) {
  const plan = smallPlan(
    [smallTask('api'), smallTask('ui', { orchestrator: 'frontend' })],
    [
      {
        id: 'b',
        title: 'Contract',
        participants: ['backend', 'frontend'],
        after: ['api', 'ui'],
        before: [],
        check,
      },
    ],
  );
  const board = new TaskBoard();
  board.apply(
    { type: 'session.open', session: 's', plan, mode: 'eager', folder: '' },
    { index: logIndex(1), timeMs: 0 },
  );
  for (const record of board.session('s')!.tasks.values()) {
    record.state = 'done';
    record.output = { deployment_config: { by: record.plan.id } };
  }
  const session = board.session('s')!;
  return { session, barrier: session.barriers.get('b')! };
}

test('a barrier brings the outputs of its tasks to the detector that it names', () => {
  const { session, barrier } = fullBarrier('deployment');
  expect(conflictsAt(session, barrier, builtInDetectors())).toMatchObject([
    {
      subject: 'by',
      sides: [
        { task: 'api', value: 'api' },
        { task: 'ui', value: 'ui' },
      ],
    },
  ]);
});

test('a check that is unknown or fails is a conflict with the reason, and never a throw', () => {
  const { session, barrier } = fullBarrier('unheard-of');
  const [unknown] = conflictsAt(session, barrier, builtInDetectors());
  expect(unknown?.explanation).toContain('There is no conflict detector "unheard-of"');
  const broken = new DetectorRegistry().register('unheard-of', () => {
    throw new Error('it broke');
  });
  expect(conflictsAt(session, barrier, broken)[0]?.explanation).toBe('the check could not be made: it broke');
});

test('a detector name is taken once', () => {
  expect(() => builtInDetectors().register('deployment', () => [])).toThrow(/registered already/);
  expect(builtInDetectors().names()).toEqual(['api-contract', 'infrastructure', 'deployment']);
});
