import { expect, test } from 'vitest';
import {
  assign,
  createActor,
  createMachine,
  type EventObject,
  emit,
  fromCallback,
  fromPromise,
  raise,
  SimulatedClock,
  type Snapshot,
  sendParent,
  sendTo,
} from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { inspectActors } from './xstate-inspection.ts';

/** What an inspector is told, with ids that do not depend on who runs the machine. */
function told(event: object, root: string): object {
  const seen = event as Readonly<Record<string, unknown>>;
  const nameOf = (ref: unknown) => {
    const { id } = (ref ?? {}) as { readonly id?: string };
    return id === root ? 'root' : id;
  };
  const { type, actorRef, sourceRef, snapshot, action } = seen;
  const { status, value, context } = (snapshot ?? {}) as Snapshot<unknown> & {
    value?: unknown;
    context?: unknown;
  };
  return {
    type,
    actor: nameOf(actorRef),
    parent: nameOf((actorRef as { readonly _parent?: unknown })._parent),
    ...('sourceRef' in seen && { source: nameOf(sourceRef) }),
    ...('event' in seen && { event: (seen['event'] as EventObject).type }),
    ...(snapshot !== undefined && { status, value, context }),
    ...(action !== undefined && { action: (action as { readonly type: string }).type }),
  };
}

const echo = fromCallback<EventObject>(({ sendBack, receive }) => {
  sendBack({ type: 'HELLO' });
  receive(() => sendBack({ type: 'ECHO' }));
});
const kid = createMachine({
  initial: 'a',
  states: {
    a: { after: { 5: 'b' }, on: { PING: { actions: sendParent({ type: 'PONG' }) } } },
    b: { type: 'final' },
  },
});
const machine = createMachine({
  id: 'm',
  initial: 'a',
  context: { n: 0 },
  invoke: { id: 'echo', src: echo },
  states: {
    a: {
      entry: [
        assign({ n: ({ context }: { context: { n: number } }) => context.n + 1 }),
        emit({ type: 'seen' }),
      ],
      invoke: { id: 'kid', src: kid, onDone: 'z' },
      on: {
        PING: { actions: [sendTo('kid', { type: 'PING' }), sendTo('echo', { type: 'PING' })] },
        GO: { target: 'b', actions: raise({ type: 'NEXT' }) },
        SELF: { actions: sendTo(({ self }) => self, { type: 'PING' }) },
      },
      after: { 3: { actions: function waited() {} } },
    },
    b: { on: { NEXT: 'c' } },
    c: { always: { guard: ({ context }) => context.n < 3, target: 'a' }, on: { PING: 'a' } },
    z: { type: 'final' },
  },
});
const flat = createMachine({
  initial: 'off',
  states: {
    off: { on: { GO: { target: 'on', actions: function turn() {} } } },
    on: { entry: raise({ type: 'PING' }) },
  },
  on: { PING: { actions: function pinged() {} } },
});

test.each([
  ['a machine with children', machine],
  ['a flat one', flat],
])('%s is shown as createActor shows it', (_, logic) => {
  const xstate: object[] = [];
  const simulated = new SimulatedClock();
  const actor = createActor(logic, {
    id: 'root',
    clock: simulated,
    inspect: (event) => xstate.push(told(event, 'root')),
  });
  actor.start();
  const { system, clock } = createTestSystem();
  const tutti: object[] = [];
  inspectActors(system, (event) => tutti.push(told(event, 'mine')));
  const ref: Ref = system.spawn(logic, { id: 'mine' });
  clock.advance(0);
  for (const op of ['PING', 2, 'GO', 'PING', 4, 'NONE', 'SELF', 'GO', 'GO', 9]) {
    if (typeof op === 'string') {
      if (actor.getSnapshot().status === 'active') actor.send({ type: op });
      ref.send({ type: op });
      clock.advance(0);
    } else
      for (let i = 0; i < op; i++) {
        simulated.increment(1);
        clock.advance(1);
      }
  }
  expect(tutti).toEqual(xstate);
  expect(new Set(tutti.map((seen) => (seen as { type: string }).type)).size).toBe(5);
});

test('who sent an event is known between actors of a node', () => {
  const { system, advance } = createTestSystem();
  const seen: object[] = [];
  inspectActors(system, (event) => seen.push(told(event, 'nobody')));
  const there: Ref = system.spawn(createMachine({ on: { HI: {} } }), { id: 'there' });
  const here: Ref = system.spawn(
    createMachine({ on: { GO: { actions: sendTo(there as never, { type: 'HI' } as never) } } }),
    { id: 'here' },
  );
  here.send({ type: 'GO' });
  advance();
  expect(seen).toContainEqual({
    type: '@xstate.event',
    actor: 'there',
    parent: undefined,
    source: 'here',
    event: 'HI',
  });
});

test('nothing is shown any more once it is ended, and a promise shows its end', async () => {
  const { system, advance, until } = createTestSystem();
  const seen: object[] = [];
  const stop = inspectActors(system, (event) => seen.push(told(event, 'nobody')));
  system.spawn(
    fromPromise(() => Promise.resolve(3)),
    { id: 'soon' },
  );
  await until(() => system.actorCount === 0);
  expect(seen.at(-1)).toMatchObject({ type: '@xstate.snapshot', actor: 'soon', status: 'done' });
  stop();
  const before = seen.length;
  system.spawn(machine).send({ type: 'GO' });
  advance(10);
  expect(seen).toHaveLength(before);
});
