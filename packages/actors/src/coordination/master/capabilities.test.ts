import { expect, test } from 'vitest';
import { planOf } from '../../testing/plan-of.ts';
import { ALL_CAPABILITIES, type MasterCapabilities, requireCapabilities } from './capabilities.ts';

const meeting = { id: 'meet', title: 'Meet', participants: ['backend'], after: ['a'], before: ['b'] };
const single = planOf([{ id: 'a' }]);
const several = planOf([{ id: 'a' }, { id: 'b' }]);
const met = planOf([{ id: 'a' }, { id: 'b' }], { barriers: [meeting] });
const checked = planOf([{ id: 'a' }, { id: 'b' }], { barriers: [{ ...meeting, check: 'deployment' }] });

const table: [keyof MasterCapabilities, typeof single, typeof single | undefined, string][] = [
  ['task_decomposition', several, single, 'a plan of 2 tasks'],
  ['orchestrator_delegation', single, undefined, 'the task "a"'],
  ['cross_orchestrator_coordination', met, several, 'the barrier "meet"'],
  ['conflict_mediation', checked, met, 'the check "deployment" of the barrier "meet"'],
];

test.each(table)('without %s a plan that needs it is refused, and one that does not is taken', (...row) => {
  const [capability, needs, needsNot, what] = row;
  const without = { ...ALL_CAPABILITIES, [capability]: false };
  expect(() => requireCapabilities(without, needs)).toThrow(
    expect.objectContaining({ code: 'TUTTI_CAPABILITY_OFF', details: { capability, what } }),
  );
  if (needsNot) requireCapabilities(without, needsNot);
  requireCapabilities(ALL_CAPABILITIES, needs);
});
