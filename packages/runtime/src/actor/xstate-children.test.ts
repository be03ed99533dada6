import { describe, expect, test, vi } from 'vitest';
import {
  type AnyActorLogic,
  type AnyActorRef,
  createMachine,
  type EventObject,
  emit,
  forwardTo,
  fromCallback,
  fromPromise,
  sendParent,
  sendTo,
  setup,
} from 'xstate';
import { createTestSystem } from '../testing/test-system.ts';
import { type MakeMachine, type Op, underBoth } from '../testing/twins.ts';
import { reply, replying, replyLater } from './reply.ts';

/**
 * A machine and what it invokes, at each other while one of them is still at something: what random machines differed
 * in from `createActor`, at one in some twenty thousand, made small.
 */

/** Says what it gets, and answers. */
const answering = (log: (line: string) => void) =>
  fromCallback<EventObject>(({ sendBack, receive }) => {
    log('child starts');
    sendBack({ type: 'HELLO' });
    receive(({ type }) => {
      log(`child got ${type}`);
      sendBack({ type: 'ECHO' });
      log(`child has answered ${type}`);
    });
    return () => log('child ends');
  });

async function expectSame(make: MakeMachine, ...ops: Op[]): Promise<readonly string[]> {
  const both = await underBoth(make, ops);
  expect(both?.tutti).toEqual(both?.xstate);
  return both!.tutti.at(-1)!.log;
}

test('what a child says makes its parent leave the state: the child ends when it has said it', async () => {
  const log = await expectSame(
    (log) =>
      createMachine({
        initial: 'a',
        states: {
          a: {
            invoke: { id: 'child', src: answering(log) },
            entry: sendTo('child', { type: 'PING' }, { delay: 1 }),
            on: {
              ECHO: { target: 'a', reenter: true, actions: () => log('again') },
              HELLO: { actions: () => log('hello') },
            },
          },
        },
      }),
    { waitMs: 1 },
  );
  expect(log.slice(2)).toEqual([
    'child got PING',
    'again',
    'child starts',
    'hello',
    'child has answered PING',
    'child ends',
  ]);
});

test('what a child is sent while it is at something is lost when it is stopped before it is done with that', async () => {
  const kid = (log: (line: string) => void) =>
    createMachine({
      initial: 'a',
      exit: () => log('kid is done'),
      states: {
        a: { after: { 1: 'b' } },
        b: { entry: sendParent({ type: 'LATE' }), on: { KICK: 'c' } },
        c: { type: 'final' },
      },
    });
  const log = await expectSame(
    (log) =>
      createMachine({
        initial: 'on',
        states: {
          on: {
            invoke: { id: 'kid', src: kid(log), onDone: { actions: () => log('never') } },
            on: { LATE: { target: 'off', actions: sendTo('kid', { type: 'KICK' }) } },
          },
          off: {},
        },
      }),
    { waitMs: 2 },
  );
  expect(log).toEqual([]);
});

test('a child and its own child have done with each other before the next one starts', async () => {
  await expectSame((log) => {
    const nest = createMachine({
      invoke: { id: 'egg', src: answering(log) },
      on: {
        HELLO: { actions: sendTo('egg', { type: 'PING' }) },
        ECHO: { actions: sendParent({ type: 'HATCHED' }) },
      },
    });
    return createMachine({
      invoke: [
        { id: 'nest', src: nest },
        { id: 'other', src: answering(log) },
      ],
      on: { '*': { actions: ({ event }) => log(event.type) } },
    });
  });
});

test('an action that sends to a child itself finds it as it was before, and is answered after the step', async () => {
  const childOf = ({ self }: { self: { getSnapshot(): unknown } }) =>
    (self.getSnapshot() as { children: Record<string, AnyActorRef> }).children['child'];
  const log = await expectSame(
    (log) =>
      createMachine({
        initial: 'a',
        states: {
          a: {
            invoke: { id: 'child', src: answering(log) },
            on: {
              GO: {
                target: 'a',
                reenter: true,
                actions: [(args) => childOf(args)?.send({ type: 'PING' }), () => log('poked')],
              },
              ECHO: { actions: () => log('echo') },
            },
          },
        },
      }),
    { send: 'GO' },
  );
  expect(log.slice(1)).toEqual([
    'child got PING',
    'child has answered PING',
    'poked',
    'child ends',
    'child starts',
    'echo',
  ]);
});

test.each([
  ['', 0],
  [', however short a turn of slow ones is', 1],
])('a machine and a child that answer each other for ever still hear what others send%s', (_, takesMs) => {
  const { system, clock, advance } = createTestSystem();
  let now = 0;
  clock.now = () => now;
  let events = 0;
  let heardAt: number | undefined;
  const echo = fromCallback<EventObject>(({ sendBack, receive }) =>
    receive(() => sendBack({ type: 'PONG' })),
  );
  const endless = createMachine({
    invoke: { id: 'child', src: echo },
    entry: sendTo('child', { type: 'PING' }),
    on: {
      HI: { actions: () => void (heardAt = events) },
      PONG: {
        guard: () => (now += takesMs) >= 0 && ++events < 10_000, // for ever, as far as this goes
        actions: sendTo('child', { type: 'PING' }),
      },
    },
  });
  const ref = system.spawn(endless);
  ref.send({ type: 'HI' });
  advance();
  expect(events).toBe(10_000);
  expect(heardAt).toBeLessThan(100);
});

test('a machine and a child that answer each other for ever keep the others from nothing', () => {
  const { system, clock } = createTestSystem();
  const log: string[] = [];
  const endless = createMachine({
    context: { n: 0 },
    invoke: { id: 'child', src: answering(() => {}) },
    on: { '*': { actions: sendTo('child', { type: 'PING' }) } },
  });
  const ref = system.spawn(endless);
  const other = system.spawn(createMachine({ on: { HI: { actions: () => log.push('hi') } } }));
  let snapshots = 0;
  ref.subscribe(() => {
    if (++snapshots === 5_000) void ref.stop();
  });
  other.send({ type: 'HI' });
  clock.advance(1);
  expect([log, snapshots >= 5_000, system.actorCount]).toEqual([['hi'], true, 1]);
});

describe('two in-machine children that answer each other', () => {
  interface Ping extends EventObject {
    readonly to?: AnyActorRef;
  }

  /** @param most How often they do. */
  function chatter(most: number) {
    const test = createTestSystem();
    const seen = { events: 0, heardAt: undefined as number | undefined };
    const kid = fromCallback<Ping>(({ self, receive }) =>
      receive(({ to }) => {
        if (++seen.events < most) to!.send({ type: 'PING', to: self });
      }),
    );
    const machine = setup({ actors: { kid } }).createMachine({
      invoke: [
        { id: 'a', src: 'kid' },
        { id: 'b', src: 'kid' },
      ],
      on: {
        START: {
          actions: sendTo('a', ({ self }) => ({ type: 'PING', to: self.getSnapshot().children['b'] })),
        },
        HI: { actions: () => void (seen.heardAt = seen.events) },
      },
    });
    const ref = test.system.spawn(machine);
    test.advance();
    ref.send({ type: 'START' });
    return { ...test, ref, seen };
  }

  test('hold the event loop for no longer than other actors may', () => {
    const { clock, seen } = chatter(100_000);
    const msPerEvent = 0.004;
    vi.spyOn(clock, 'now').mockImplementation(() => seen.events * msPerEvent);
    let longest = 0;
    for (let before = 0; clock.step(); before = seen.events)
      longest = Math.max(longest, seen.events - before);
    expect(seen.events).toBe(100_000);
    expect(longest * msPerEvent).toBeLessThan(20);
  });

  test('are done with each other before their machine hears the next, if they come to an end', () => {
    const { ref, advance, seen } = chatter(5_000);
    ref.send({ type: 'HI' });
    advance();
    expect(seen.heardAt).toBe(5_000);
  });

  test('do not keep their machine from what others send, if they never do', () => {
    const { ref, advance, seen } = chatter(200_000);
    ref.send({ type: 'HI' });
    advance();
    expect(seen.heardAt).toBeLessThan(66_000);
  });

  test('end with their machine, and do not hold its end up', () => {
    const { ref, system, advance, seen } = chatter(1_000_000);
    void ref.stop();
    advance();
    expect(system.actorCount).toBe(0);
    expect(seen.events).toBeLessThan(20_000);
  });
});

describe('what listens to an in-machine child', () => {
  /** A machine that listens to the child it spawns, in one of several ways, and what it saw in the end. */
  async function heard(listen: (child: AnyActorRef, log: string[]) => void) {
    const log: string[] = [];
    const thrown = vi.spyOn(globalThis, 'setTimeout'); // by way of which XState throws into the event loop
    const { system, until } = createTestSystem();
    const job = fromPromise(async () => await Promise.reject(new Error('the job failed')));
    const talker = createMachine({ on: { SAY: { actions: emit({ type: 'said' }) } } });
    const machine = setup({ actors: { job, talker } }).createMachine({
      context: ({ spawn }) => {
        const children = [spawn('job', { id: 'job' }), spawn('talker', { id: 'talker' })];
        for (const child of children) listen(child, log);
        return {};
      },
      on: {
        SAY: { actions: sendTo('talker', { type: 'SAY' }) },
        'xstate.error.actor.job': { actions: () => log.push('handled') },
      },
    });
    const ref = system.spawn(machine);
    ref.send({ type: 'SAY' });
    await until(() => log.includes('handled'), 10);
    const calls = thrown.mock.calls.length;
    thrown.mockRestore();
    return { log, calls, isAlive: system.actorCount === 1 };
  }

  const fail = () => {
    throw new Error('a listener threw');
  };

  test.each<[string, (child: AnyActorRef) => void]>([
    ['does not listen for errors', (child) => child.subscribe(() => {})],
    ['throws at a snapshot', (child) => child.subscribe({ next: fail, error: () => {} })],
    ['throws at an error', (child) => child.subscribe({ error: fail })],
    ['throws at the end', (child) => child.subscribe({ complete: fail, error: () => {} })],
    ['throws at what is emitted', (child) => child.on('*', fail)],
    ['throws at what it selects', (child) => child.select((snapshot) => snapshot).subscribe(fail)],
  ])('cannot end the process when it %s, and the others hear as before', async (_, listen) => {
    const seen = await heard((child, log) => {
      listen(child);
      child.subscribe({ error: () => log.push('heard') });
      child.on('said', () => log.push('said'));
    });
    expect(seen).toEqual({ log: ['said', 'heard', 'handled'], calls: 0, isAlive: true });
  });
});

test('what an in-machine child is sent when its machine has been stopped is a dead letter', () => {
  const { system, advance } = createTestSystem();
  const children: AnyActorRef[] = [];
  const ear = fromCallback<EventObject>(({ self }) => void children.push(self));
  const ref = system.spawn(createMachine({ invoke: { id: 'ear', src: ear } }));
  advance();
  void ref.stop();
  advance();
  children[0]!.send({ type: 'HELLO' });
  expect(system.deadLetters.counts()).toMatchObject({ stopped: 1, 'unknown-actor': 0 });
});

describe('an ask that is handed to an in-machine child', () => {
  const slow = createMachine({
    on: {
      GET: { actions: [replyLater(), sendTo(({ self }) => self, { type: 'NOW' }, { delay: 10 })] },
      NOW: { actions: reply('at last') },
    },
  });
  const children: [string, AnyActorLogic, string][] = [
    ['a machine', createMachine({ on: { GET: { actions: reply('from a machine') } } }), 'from a machine'],
    ['a reducer', replying((n: number, _, answer) => (answer('from a reducer'), n), 0), 'from a reducer'],
    ['a machine that takes its time', slow, 'at last'],
    [
      'a machine within a machine',
      createMachine({
        invoke: { id: 'inner', src: createMachine({ on: { GET: { actions: reply('from within') } } }) },
        on: { GET: { actions: forwardTo('inner') } },
      }),
      'from within',
    ],
  ];

  test.each(children)('is answered by %s', async (_, child, answer) => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(
      createMachine({ invoke: { id: 'c', src: child }, on: { GET: { actions: forwardTo('c') } } }),
    );
    const asked = ref.ask({ type: 'GET' }, { timeoutMs: 1_000 });
    advance(2_000);
    expect(await asked).toBe(answer);
  });

  test('is answered by its machine, if that answers too', async () => {
    const { system, advance } = createTestSystem();
    const src = createMachine({ on: { GET: { actions: reply('the child') } } });
    const actions = [forwardTo('c'), reply('the machine')];
    const ref = system.spawn(createMachine({ invoke: { id: 'c', src }, on: { GET: { actions } } }));
    const asked = [ref.ask({ type: 'GET' }), ref.ask({ type: 'GET' })];
    advance(10);
    expect(await Promise.all(asked)).toEqual(['the machine', 'the machine']);
  });
});
