import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { initialTransition, transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { expected, RoleDriver, type RoleObservation } from './testing/role-driver.ts';
import {
  isPossible,
  ROLE_EVENTS,
  type RoleEvent,
  type RoleSnapshot,
  roleMachine,
  serializeRole,
} from './testing/role-machine.ts';

/** One shortest path to every state of the machine. */
function paths(isVoter: boolean) {
  return getShortestPaths(roleMachine, {
    input: { isVoter },
    events: ROLE_EVENTS,
    filterEvents: isPossible,
    serializeState: serializeRole,
  });
}

const told = (events: readonly RoleEvent[]): string => events.map((event) => JSON.stringify(event)).join(' ');

/** Tens of thousands of observations are compared, and as text that takes a tenth of the time. */
function agree(core: RoleObservation, model: RoleObservation, events: readonly RoleEvent[]): void {
  if (JSON.stringify(core) !== JSON.stringify(model)) expect(core, told(events)).toEqual(model);
}

describe.each([
  ['a voter', true],
  ['a learner', false],
])('%s', (_name, isVoter) => {
  const all = paths(isVoter);

  test('reaches every state of the role machine on the same path', () => {
    const roles = new Set(all.map(({ state }) => state.value));
    expect(roles).toEqual(
      new Set(isVoter ? ['follower', 'pre-candidate', 'candidate', 'leader'] : ['learner']),
    );
    for (const { steps } of all) {
      const core = new RoleDriver(isVoter);
      let [model] = initialTransition(roleMachine, { isVoter });
      const events = eventsOf(steps);
      events.forEach((event, at) => {
        [model] = transition(roleMachine, model, event);
        agree(core.do(event), expected(model), events.slice(0, at + 1));
      });
    }
  });

  test('answers every event in every state as the machine does', () => {
    let edges = 0;
    for (const { steps, state } of all) {
      const before = eventsOf(steps);
      for (const event of ROLE_EVENTS) {
        if (!isPossible(state, event)) continue;
        const core = new RoleDriver(isVoter);
        for (const one of before) core.do(one);
        const [model] = transition(roleMachine, state, event);
        agree(core.do(event), expected(model), [...before, event]);
        edges++;
      }
    }
    expect(edges).toBeGreaterThan(20 * all.length);
  });
});

/** Without the first step, which is XState's own and starts the machine. */
function eventsOf(steps: readonly { readonly event: { readonly type: string } }[]): RoleEvent[] {
  return steps.map(({ event }) => event as RoleEvent).filter(({ type }) => !type.startsWith('xstate.'));
}

/** One event as a command of fast-check: it is done to both, and they are compared. */
class Do implements fc.Command<{ snapshot: RoleSnapshot }, RoleDriver> {
  readonly #event: RoleEvent;

  constructor(event: RoleEvent) {
    this.#event = event;
  }

  check({ snapshot }: Readonly<{ snapshot: RoleSnapshot }>): boolean {
    return isPossible(snapshot, this.#event);
  }

  run(model: { snapshot: RoleSnapshot }, core: RoleDriver): void {
    [model.snapshot] = transition(roleMachine, model.snapshot, this.#event);
    expect(core.do(this.#event)).toEqual(expected(model.snapshot));
  }

  toString(): string {
    return JSON.stringify(this.#event);
  }
}

test('core and machine agree on long random walks', () => {
  const commands = ROLE_EVENTS.map((event) => fc.constant(new Do(event)));
  const property = fc.property(
    fc.boolean(),
    fc.commands(commands, { maxCommands: 150, size: 'max' }),
    (isVoter, walked) => {
      const [snapshot] = initialTransition(roleMachine, { isVoter });
      fc.modelRun(() => ({ model: { snapshot }, real: new RoleDriver(isVoter) }), walked);
    },
  );
  fc.assert(property, { numRuns: 200 });
});
