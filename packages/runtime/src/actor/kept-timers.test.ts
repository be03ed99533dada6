import { expect, test } from 'vitest';
import { initialTransition, setup } from 'xstate';
import type { StateKeeper } from '../system/actor-system.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { TimerChange } from './kept-timers.ts';

const machine = setup({ delays: { none: () => Number.NaN } }).createMachine({
  initial: 'first',
  states: { first: { after: { none: 'second' } }, second: {} },
});

test.each(['begins', 'is restored'])(
  'a keeper is told of no delay that is no number when an actor %s',
  (how) => {
    const [first] = initialTransition(machine);
    const stored = how === 'begins' ? undefined : machine.getPersistedSnapshot(first);
    const changes: TimerChange[] = [];
    const keeper: StateKeeper = {
      keepsTimers: true,
      restore: () => stored,
      commit: (turn) => void changes.push(...turn.timers()),
    };
    const { system, advance } = createTestSystem();
    const ref = system.spawn(machine, { keeper });
    advance(5);
    expect(changes.filter(({ type }) => type === 'set')).toMatchObject([{ timer: { delayMs: 0 } }]);
    const states: unknown[] = [];
    ref.subscribe(({ value }) => states.push(value));
    expect(states).toEqual(['second']);
  },
);
