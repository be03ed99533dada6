import fc from 'fast-check';
import { expect, test } from 'vitest';
import { initialTransition, transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import {
  expectedMembership,
  MembershipDriver,
  type MembershipObservation,
} from './testing/membership-driver.ts';
import {
  MEMBERSHIP_EVENTS,
  type MembershipEvent,
  type MembershipSnapshot,
  membershipMachine,
  serializeMembership,
} from './testing/membership-machine.ts';

const isPossible = (snapshot: MembershipSnapshot, event: MembershipEvent): boolean => snapshot.can(event);

/** One shortest path to every state of the machine. */
const paths = getShortestPaths(membershipMachine, {
  events: MEMBERSHIP_EVENTS,
  filterEvents: isPossible,
  serializeState: serializeMembership,
}).map(({ state, steps }) => ({
  state,
  events: steps.map(({ event }) => event).filter(({ type }) => !type.startsWith('xstate.')),
}));

function agree(
  core: MembershipObservation,
  model: MembershipSnapshot,
  events: readonly MembershipEvent[],
): void {
  expect(core, events.map((event) => JSON.stringify(event)).join(' ')).toEqual(expectedMembership(model));
}

test('a real group goes through every state of the membership machine, and answers every event there as it does', () => {
  expect(new Set(paths.map(({ state }) => state.value))).toEqual(
    new Set(['simple', 'appended', 'joint', 'catching up']),
  );
  let edges = 0;
  for (const { state, events } of paths) {
    const walked = (): MembershipDriver => {
      const core = new MembershipDriver();
      for (const event of events) core.do(event);
      return core;
    };
    // What changes nothing in the machine must change nothing in the group either, so one group serves for all of it.
    const standing = walked();
    for (const event of MEMBERSHIP_EVENTS) {
      if (!isPossible(state, event)) continue;
      const [model] = transition(membershipMachine, state, event);
      const core = serializeMembership(model) === serializeMembership(state) ? standing : walked();
      agree(core.do(event), model, [...events, event]);
      edges++;
    }
  }
  expect(edges).toBeGreaterThan(8 * paths.length);
});

/** One event as a command of fast-check: it is done to both, and they are compared. */
class Do implements fc.Command<{ snapshot: MembershipSnapshot }, MembershipDriver> {
  readonly #event: MembershipEvent;

  constructor(event: MembershipEvent) {
    this.#event = event;
  }

  check({ snapshot }: Readonly<{ snapshot: MembershipSnapshot }>): boolean {
    return isPossible(snapshot, this.#event);
  }

  run(model: { snapshot: MembershipSnapshot }, core: MembershipDriver): void {
    [model.snapshot] = transition(membershipMachine, model.snapshot, this.#event);
    agree(core.do(this.#event), model.snapshot, [this.#event]);
  }

  toString(): string {
    return JSON.stringify(this.#event);
  }
}

test('group and machine agree on long random walks', () => {
  const commands = MEMBERSHIP_EVENTS.map((event) => fc.constant(new Do(event)));
  const property = fc.property(fc.commands(commands, { maxCommands: 60, size: 'max' }), (walked) => {
    const [snapshot] = initialTransition(membershipMachine);
    fc.modelRun(() => ({ model: { snapshot }, real: new MembershipDriver() }), walked);
  });
  fc.assert(property, { numRuns: 60 });
});
