import { incarnation, logIndex, nodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { Plan } from '../../engines/workflow/plan.ts';
import { smallPlan, smallTask } from '../../testing/small-plans.ts';
import type { BoardCommand } from './commands.ts';
import { type Blocker, type ExplainWorld, explainTask } from './explain.ts';
import { TaskBoard } from './task-board.ts';

const n1 = { node: nodeId('n1'), incarnation: incarnation(1) };
const world: ExplainWorld = { hasLeader: true, wallTimeMs: 1_000, nodes: [n1] };

/** A board with this plan open and these commands applied, all at the time 1,000. */
function boardWith(
  plan: Plan,
  commands: readonly BoardCommand[] = [],
  mode: 'eager' | 'wave' = 'eager',
): TaskBoard {
  const board = new TaskBoard();
  const all: BoardCommand[] = [{ type: 'session.open', session: 's', plan, mode, folder: '' }, ...commands];
  all.forEach((command, at) => board.apply(command, { index: logIndex(at + 1), timeMs: 1_000 }));
  return board;
}

const assign = (...tasks: string[]): BoardCommand => ({
  type: 'tasks.assign',
  session: 's',
  assignments: tasks.map((task) => ({ task, ...n1, why: 'least loaded' })),
});
const start = (task: string, fence: number): BoardCommand => ({
  type: 'task.start',
  session: 's',
  task,
  fence,
});

const of = (board: TaskBoard, task: string, fields: Partial<ExplainWorld> = {}): Blocker[] =>
  explainTask(board, 's', task, { ...world, ...fields });

test('a waiting task names what it needs and in what state that is, and the barriers and waves before it', () => {
  const plan = smallPlan(
    [smallTask('api'), smallTask('ui', { needs: ['api'], orchestrator: 'frontend' })],
    [
      {
        id: 'b',
        title: 'Contract',
        participants: ['backend'],
        after: ['api'],
        before: ['ui'],
        check: 'api-contract',
      },
    ],
  );
  const board = boardWith(plan, [assign('api'), start('api', 1)], 'wave');
  expect(of(board, 'ui')).toEqual([
    { kind: 'dependency', text: 'it needs "api", which is running on n1 (attempt 1)', ref: 'task:api' },
    { kind: 'barrier', text: 'the barrier "Contract" waits for backend', ref: 'barrier:b' },
    { kind: 'wave', text: 'it is in wave 1, and wave 0 has 1 tasks to finish', ref: 'level:0' },
  ]);
  expect(of(board, 'api')).toEqual([]);
  board.apply(
    { type: 'task.complete', session: 's', task: 'api', fence: 1, output: 1 },
    { index: logIndex(9), timeMs: 1 },
  );
  expect(of(board, 'ui').map(({ text }) => text)).toEqual([
    'the barrier "Contract" is full and being checked',
  ]);
});

test('a ready task names the limit, the want of a node, or its place in the queue', () => {
  const tasks = ['a', 'b', 'c'].map((id) => smallTask(id));
  const plan: Plan = { ...smallPlan(tasks), orchestrators: [{ id: 'backend', maxConcurrentTasks: 1 }] };
  const board = boardWith(plan);
  expect(of(board, 'b')).toMatchObject([
    { kind: 'queue', text: expect.stringContaining('1 tasks of backend') as string },
  ]);
  expect(of(board, 'b', { nodes: [] })).toMatchObject([{ kind: 'no-node' }]);
  expect(of(board, 'b', { nodes: [{ ...n1, orchestrators: ['frontend'] }] })).toMatchObject([
    { kind: 'no-node' },
  ]);
  const full = boardWith(plan, [assign('a')]);
  expect(of(full, 'b')).toMatchObject([{ kind: 'limit', ref: 'orchestrator:backend' }]);
});

test('the limit of a node counts what other sessions have there', () => {
  const plan: Plan = {
    ...smallPlan(['a'].map((id) => smallTask(id))),
    orchestrators: [{ id: 'backend', maxConcurrentTasks: 1 }],
  };
  const other: BoardCommand = { type: 'session.open', session: 'other', plan, mode: 'eager', folder: '' };
  const inOther = (command: BoardCommand) => ({ ...command, session: 'other' }) as BoardCommand;
  const taken = inOther(assign('a'));
  expect(of(boardWith(plan, [other, taken]), 'a')).toMatchObject([{ kind: 'limit' }]);

  const running = inOther(start('a', 1));
  expect(of(boardWith(plan, [other, taken, running, assign('a')]), 'a')).toMatchObject([{ kind: 'limit' }]);
});

test('an assigned task names the node it waits for, also when that node is gone or full', () => {
  const tasks = ['a', 'b'].map((id) => smallTask(id));
  const plan: Plan = { ...smallPlan(tasks), orchestrators: [{ id: 'backend', maxConcurrentTasks: 1 }] };
  const board = boardWith(plan, [assign('a', 'b')]);
  expect(of(board, 'b')).toMatchObject([{ kind: 'assigned-waiting', ref: 'node:n1' }]);
  expect(of(board, 'b', { nodes: [{ ...n1, incarnation: incarnation(2) }] })).toMatchObject([
    { kind: 'no-node' },
  ]);
  const full = boardWith(plan, [assign('a', 'b'), start('a', 1)]);
  expect(of(full, 'b')).toMatchObject([{ kind: 'limit' }]);
});

test('a task in backoff says what went wrong and how long it still waits', () => {
  const problem = { code: 'TUTTI_TIMEOUT', message: 'too slow' };
  const fail: BoardCommand = {
    type: 'task.fail',
    session: 's',
    task: 'a',
    fence: 1,
    problem,
    retryable: true,
    retryInMs: 500,
  };
  const board = boardWith(smallPlan([smallTask('a')]), [assign('a'), fail]);
  expect(of(board, 'a', { wallTimeMs: 1_200 })).toEqual([
    { kind: 'backoff', text: 'attempt 1 failed (too slow); it is tried again in 300 ms', ref: 'task:a' },
  ]);
});

test('without a leader that comes first, and names nothing for a task that runs', () => {
  const plan = smallPlan([smallTask('a'), smallTask('b', { needs: ['a'] })]);
  const board = boardWith(plan, [assign('a'), start('a', 1)]);
  expect(of(board, 'b', { hasLeader: false }).map(({ kind }) => kind)).toEqual(['no-leader', 'dependency']);
  expect(of(board, 'a', { hasLeader: false })).toEqual([]);
});
