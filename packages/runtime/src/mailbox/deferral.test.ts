import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assign, createMachine, type EventObject, fromCallback, fromTransition, setup } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { reply } from '../actor/reply.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { MailboxOptions } from './mailbox-options.ts';

/** A door that puts `ENTER` off while it is locked, and notes what it handles. */
function door(log: string[]) {
  const note = ({ event }: { event: EventObject & { n?: number } }) =>
    void log.push(event.n === undefined ? event.type : `${event.type} ${String(event.n)}`);
  return setup({ actions: { note } }).createMachine({
    initial: 'locked',
    on: { '*': { actions: 'note' } },
    states: {
      locked: {
        meta: { defer: ['ENTER', 'job.*'] },
        on: { UNLOCK: { target: 'open', actions: 'note' }, TRY: { actions: 'note' } },
        after: { 1_000: 'open' },
      },
      open: { on: { LOCK: { target: 'locked', actions: 'note' }, ENTER: { actions: 'note' } } },
    },
  });
}

function spawned(mailbox: MailboxOptions = {}) {
  const test = createTestSystem();
  const log: string[] = [];
  const ref: Ref = test.system.spawn(door(log), { id: 'door', mailbox });
  test.advance();
  const enter = (...numbers: number[]) => {
    for (const n of numbers) ref.send({ type: 'ENTER', n } as EventObject);
  };
  const send = (...types: string[]) => {
    for (const type of types) ref.send({ type });
  };
  return { ...test, log, ref, enter, send };
}

describe('an event that the state puts off', () => {
  test('waits, is overtaken by others, and comes in order before anything newer when the state changes', () => {
    const { enter, send, log, advance, system } = spawned();
    enter(1);
    send('job.a', 'TRY', 'job');
    enter(2);
    advance();
    expect(log).toEqual(['TRY']);
    expect(system.tree()[0]?.mailboxDepth).toBe(4);
    send('UNLOCK', 'LATER');
    advance();
    expect(log.slice(1)).toEqual(['UNLOCK', 'ENTER 1', 'job.a', 'job', 'ENTER 2', 'LATER']);
    expect(system.tree()[0]?.mailboxDepth).toBe(0);
  });

  test('waits again when an earlier one of them locks the door behind itself, and keeps its place', () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    // One may enter at a time: the room is busy until it is LEFT.
    const room = createMachine({
      initial: 'busy',
      states: {
        busy: { meta: { defer: ['ENTER'] }, on: { LEFT: 'free' } },
        free: {
          on: {
            ENTER: {
              target: 'busy',
              actions: ({ event }) => log.push(String((event as EventObject & { n: number }).n)),
            },
          },
        },
      },
    });
    const ref: Ref = system.spawn(room);
    for (let n = 1; n <= 4; n++) ref.send({ type: 'ENTER', n } as EventObject);
    for (let n = 1; n <= 4; n++) {
      ref.send({ type: 'LEFT' });
      advance();
      ref.send({ type: 'ENTER', n: 10 + n } as EventObject);
      advance();
      expect(log).toHaveLength(n);
    }
    expect(log).toEqual(['1', '2', '3', '4']);
  });

  test('is woken by a timer too, with no other message to do it', () => {
    const { enter, log, advance } = spawned();
    enter(1);
    advance(999);
    expect(log).toEqual([]);
    advance(1);
    expect(log).toEqual(['ENTER 1']);
  });

  test('may be an ask, whose reply then comes when its state does', async () => {
    const { system, advance } = createTestSystem();
    const machine = createMachine({
      initial: 'starting',
      states: {
        starting: { meta: { defer: ['*'] }, after: { 50: 'ready' } },
        ready: { on: { GET: { actions: reply('here') } } },
      },
    });
    const ref = system.spawn(machine);
    let answer: unknown;
    const asked = ref.ask({ type: 'GET' }).then((value) => (answer = value));
    advance(49);
    expect(answer).toBeUndefined();
    advance(1);
    await asked;
    expect(answer).toBe('here');
  });

  test('is bounded: one too many is a dead letter, and whoever asked is told', async () => {
    const { enter, ref, send, log, advance, system } = spawned({ stashLimit: 2 });
    enter(1, 2, 3);
    const asked = ref.ask({ type: 'ENTER' }).catch((error: { code: string }) => error.code);
    advance();
    expect(await asked).toBe('TUTTI_OVERLOADED');
    expect(system.deadLetters.counts()['stash-full']).toBe(2);
    send('UNLOCK');
    advance();
    expect(log).toEqual(['UNLOCK', 'ENTER 1', 'ENTER 2']);
    send('LOCK');
    enter(4, 5);
    advance();
    expect(system.deadLetters.counts()['stash-full']).toBe(2);
  });

  test('does not take the room of what may be handled', () => {
    const { enter, send, log, advance, system } = spawned({ limit: 2 });
    enter(1, 2);
    advance();
    send('TRY', 'UNLOCK');
    advance();
    expect(log).toEqual(['TRY', 'UNLOCK', 'ENTER 1', 'ENTER 2']);
    expect(system.deadLetters.counts()['overflow-new']).toBe(0);
  });

  test('survives a restart of its actor, and becomes a dead letter at its stop', async () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    const machine = createMachine({
      initial: 'locked',
      states: {
        locked: {
          meta: { defer: ['ENTER'] },
          on: {
            UNLOCK: 'open',
            FAIL: {
              actions: () => {
                throw new Error('jammed');
              },
            },
          },
        },
        open: { on: { ENTER: { actions: ({ event }) => log.push(event.type) }, LOCK: 'locked' } },
      },
    });
    const ref = system.spawn(machine);
    for (const type of ['ENTER', 'FAIL', 'ENTER', 'UNLOCK', 'LOCK', 'ENTER']) ref.send({ type });
    advance();
    expect(log).toEqual(['ENTER', 'ENTER']);
    const stopped = ref.stop();
    advance();
    await stopped;
    expect(log).toHaveLength(2);
    expect(system.deadLetters.counts()).toMatchObject({ stopped: 1, 'stash-full': 0 });
  });

  test('holds for what an invoked child sends up, but never for what XState says of it', () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    const machine = createMachine({
      initial: 'deaf',
      invoke: {
        src: fromCallback(({ sendBack }) => {
          sendBack({ type: 'HELLO' });
        }),
      },
      on: { HELLO: { actions: () => log.push('hello') } },
      states: { deaf: { meta: { defer: ['*'] }, after: { 10: 'hearing' } }, hearing: {} },
    });
    system.spawn(machine);
    advance(9);
    expect(log).toEqual([]);
    advance(1);
    expect(log).toEqual(['hello']);
  });

  test('is named by any logic with a function of its snapshot, together with lanes', () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    const logic = fromTransition((credit: number, { type }: EventObject) => {
      log.push(type);
      return type === 'PAY' ? credit + 1 : type === 'BUY' ? credit - 1 : credit;
    }, 0);
    const ref = system.spawn(logic, {
      mailbox: {
        defer: (snapshot) => ((snapshot as object as { context: number }).context > 0 ? [] : ['BUY']),
        priority: { lanes: 2, laneOf: ({ type }) => Number(type !== 'PAY') },
      },
    });
    for (const type of ['BUY', 'BUY', 'LOOK', 'PAY', 'LOOK', 'BUY']) ref.send({ type });
    advance();
    expect(log).toEqual(['PAY', 'BUY', 'LOOK', 'LOOK']);
    ref.send({ type: 'PAY' });
    advance();
    expect(log.slice(4)).toEqual(['PAY', 'BUY']);
    expect(system.tree()[0]?.mailboxDepth).toBe(1);
  });

  test('thousands put off do not keep others from their turn', () => {
    const { system, advance } = createTestSystem();
    const order: string[] = [];
    const ref: Ref = system.spawn(door(order), { mailbox: { stashLimit: 10_000 } });
    const other = system.spawn(fromTransition(() => void order.push('other'), undefined));
    advance();
    for (let n = 0; n < 5_000; n++) ref.send({ type: 'ENTER' });
    ref.send({ type: 'TRY' });
    other.send({ type: 'work' });
    advance();
    expect(order).toEqual(['other', 'TRY']);
  });

  test('a list that is none is refused when the machine is spawned', () => {
    const { system } = createTestSystem();
    const machine = createMachine({ id: 'm', initial: 'a', states: { a: { meta: { defer: 'ENTER' } } } });
    expect(() => system.spawn(machine)).toThrow(/meta\.defer of state "m\.a" does not take/);
    expect(system.actorCount).toBe(0);
  });
});

/** The rule in its plainest form: look through everything that waits, oldest first, after every message. */
function plainly(states: readonly (readonly string[])[], moves: readonly number[], sent: readonly number[]) {
  const waiting = sent.map((type, at) => ({ type, at }));
  const handled: number[] = [];
  let state = 0;
  for (;;) {
    const next = waiting.findIndex(({ type }) => !states[state]!.includes(String(type)));
    if (next < 0) return handled;
    const { type, at } = waiting.splice(next, 1)[0]!;
    handled.push(at);
    state = (state + moves[type]!) % states.length;
  }
}

test('random states, lists and messages are handled in the order of the plain rule', () => {
  const listsArb = fc.array(fc.subarray(['0', '1', '2', '3', '4']), { minLength: 3, maxLength: 3 });
  const movesArb = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 5, maxLength: 5 });
  const sentArb = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 40 });
  fc.assert(
    fc.property(
      listsArb,
      movesArb,
      sentArb,
      fc.integer({ min: 1, max: 9 }),
      (lists, moves, sent, quantum) => {
        const { system, advance } = createTestSystem({ limits: { quantum } });
        const handled: number[] = [];
        const on = Object.fromEntries(
          moves.map((_, type) => [
            String(type),
            {
              actions: [
                ({ event }: { event: EventObject }) =>
                  handled.push((event as EventObject & { at: number }).at),
                assign({
                  state: ({ context }: { context: { state: number } }) => (context.state + moves[type]!) % 3,
                }),
              ],
            },
          ]),
        );
        const inState = (to: number) => ({
          guard: ({ context }: { context: { state: number } }) => context.state === to,
          target: `s${String(to)}`,
        });
        const states = Object.fromEntries(
          lists.map((defer, at) => [
            `s${String(at)}`,
            {
              meta: { defer },
              always: lists.flatMap((_, to) => (to === at ? [] : [inState(to)])),
            },
          ]),
        );
        const machine = createMachine({ context: { state: 0 }, initial: 's0', on, states } as object);
        const ref = system.spawn(machine);
        sent.forEach((type, at) => ref.send({ type: String(type), at }));
        advance();
        expect(handled).toEqual(plainly(lists, moves, sent));
      },
    ),
    { numRuns: 300, seed: 11 },
  );
});
