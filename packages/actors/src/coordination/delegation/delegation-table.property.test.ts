import { getShortestPaths } from '@xstate/graph';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { initialTransition, transition } from 'xstate';
import { delegationModel } from '../../testing/delegation-model.ts';
import {
  type DelegationEvent,
  type DelegationKind,
  type DelegationState,
  delegationStep,
  FIRST_STATE,
} from './delegation-table.ts';

const KINDS: readonly DelegationKind[] = ['offered', 'handed-over', 'orphaned'];
const EVENTS: readonly DelegationEvent[] = [
  'logged',
  'refused',
  'too-large',
  'closed',
  'work-done',
  'work-failed',
  'timeout',
  'cancel',
];

test('the table of a delegation goes where its XState machine goes, whatever comes in whatever order', () => {
  const events = fc.array(fc.constantFrom(...EVENTS), { maxLength: 12 });
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), events, (kind, comes) => {
      let [model] = initialTransition(delegationModel, { kind });
      let state: DelegationState = FIRST_STATE[kind];
      let end: string | undefined;
      expect(state).toBe(model.value);
      for (const type of comes) {
        if (model.status === 'active') [model] = transition(delegationModel, model, { type });
        const step = delegationStep(state, type);
        if (step) {
          state = step.to;
          end = step.end;
        }
        expect([state, end]).toEqual([model.value, model.context.end]);
      }
    }),
    { numRuns: 500 },
  );
});

test('every step that the machine knows is in the table, and every way ends and says how', () => {
  const steps = new Set<string>();
  const ends = new Map<DelegationKind, Set<string>>();
  for (const kind of KINDS) {
    const paths = getShortestPaths(delegationModel, {
      input: { kind },
      events: ({ status }) => (status === 'active' ? EVENTS.map((type) => ({ type })) : []),
      serializeState: ({ value, context }) => JSON.stringify([value, context.end]),
    });
    for (const { state } of paths)
      if (state.status === 'done') ends.set(kind, (ends.get(kind) ?? new Set()).add(state.context.end!));
      else
        for (const event of EVENTS) {
          const step = delegationStep(state.value as DelegationState, event);
          if (step) steps.add(`${state.value} ${event} ${step.to} ${step.end ?? ''}`);
        }
  }
  expect(ends.get('orphaned')).toEqual(new Set(['returned', 'stale', 'abandoned']));
  const worked = new Set(['done', 'failed', 'cancelled', 'stale', 'abandoned']);
  expect(ends.get('offered')).toEqual(worked);
  expect(ends.get('handed-over')).toEqual(worked);
  expect(steps.size).toBe(21);
});
