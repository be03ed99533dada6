import { describe, expect, test } from 'vitest';
import {
  type ActorLogic,
  assign,
  createMachine,
  type EventObject,
  fromTransition,
  type Snapshot,
} from 'xstate';
import type { AskOptions, Ref } from '../actor/ref.ts';
import { reply } from '../actor/reply.ts';
import type { KeptTurn, StateKeeper } from '../system/actor-system.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { CHANNELS_MAX } from './delivery-log.ts';

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'confirmed',
    (error: { code?: string }) => error.code,
  );

/** Sends the same number as a sender would that never got the receipt. */
const again = { channel: 'orders', next: 1 };

/** Fails with an effect, as often as it is told to, after its state has changed. */
function account(failures: number) {
  let left = failures;
  const boom = () => {
    if (left-- > 0) throw new Error('an effect that fails');
  };
  return createMachine({
    context: { n: 0 },
    on: {
      ADD: { actions: [assign({ n: ({ context }) => context.n + 1 }), reply(({ context }) => context.n)] },
      BOOM: { actions: [assign({ n: ({ context }) => context.n + 10 }), boom] },
    },
  });
}

/** Commits a turn of the event loop later, up to eight messages at a time. */
function memoryKeeper() {
  let stored: unknown;
  const keeper: StateKeeper = {
    turnMessagesMax: 8,
    restore: () => stored,
    commit: (turn: KeptTurn) => {
      const persisted = turn.changed ? turn.persisted() : stored;
      return Promise.resolve().then(() => void (stored = persisted));
    },
  };
  return { keeper, stored: () => stored as { readonly context: { readonly n: number } } };
}

describe('the receipt of a message whose effect throws', () => {
  test('says of a kept actor what was committed, for it and for those of the same turn', async () => {
    const { system, until } = createTestSystem();
    const { keeper, stored } = memoryKeeper();
    const channel = system.reliable(system.spawn(account(1), { keeper }));
    const sent = ['BOOM', 'ADD', 'ADD'].map((type) => codeOf(channel.send({ type })));
    await until(() => channel.unconfirmed === 0);
    expect(await Promise.all(sent)).toEqual(['confirmed', 'confirmed', 'confirmed']);
    expect(stored().context.n).toBe(12);
    expect(system.deadLetters.counts().unconfirmed).toBe(0);
  });

  test('does not speak for asks, whose answers were not let out', async () => {
    const { system, until } = createTestSystem();
    const ref = system.spawn(account(1), { keeper: memoryKeeper().keeper });
    const asked = ['BOOM', 'ADD'].map((type) => codeOf(ref.ask({ type })));
    await until(() => system.pendingAsks === 0);
    expect(await Promise.all(asked)).toEqual(['TUTTI_ACTOR_FAILED', 'TUTTI_ACTOR_FAILED']);
  });

  test('is given, too, to one that came again in the same turn', async () => {
    const { system, until } = createTestSystem();
    const { keeper, stored } = memoryKeeper();
    const ref = system.spawn(account(1), { keeper });
    const channels = [system.reliable(ref, again), system.reliable(ref, again)];
    const sent = channels.map((channel) => codeOf(channel.send({ type: 'BOOM' })));
    await until(() => channels.every(({ unconfirmed }) => unconfirmed === 0));
    expect(await Promise.all(sent)).toEqual(['confirmed', 'confirmed']);
    expect(stored().context.n).toBe(10);
  });

  for (const restartFrom of ['fresh', 'snapshot'] as const) {
    test(`takes no number of an actor without a keeper, restarted from ${restartFrom}: what it did was taken back`, async () => {
      const { system, until } = createTestSystem();
      const ref = system.spawn(account(1), { supervise: { restartFrom } });
      const ends: unknown[] = [];
      for (let attempt = 1; attempt <= 3; attempt++) {
        const channel = system.reliable(ref, again);
        const sent = codeOf(channel.send({ type: 'BOOM' }));
        await until(() => channel.unconfirmed === 0);
        ends.push(await sent);
      }
      let n = 0;
      ref.subscribe(({ context }) => (n = context.n));
      expect(ends).toEqual(['TUTTI_ACTOR_FAILED', 'confirmed', 'confirmed']);
      expect(n).toBe(10);
    });
  }

  test('nor of one whose logic says that it is in error', async () => {
    const { system, until } = createTestSystem();
    let handled = 0;
    type State = Snapshot<undefined>;
    const active: State = { status: 'active', output: undefined, error: undefined };
    const logic: ActorLogic<State, EventObject> = {
      transition: () =>
        ++handled === 1 ? { status: 'error', output: undefined, error: new Error('first') } : active,
      getInitialSnapshot: () => active,
      getPersistedSnapshot: () => active,
    };
    const ref = system.spawn(logic);
    const ends: unknown[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      const channel = system.reliable(ref, again);
      const sent = codeOf(channel.send({ type: 'take' }));
      await until(() => channel.unconfirmed === 0);
      ends.push(await sent);
    }
    expect(ends).toEqual(['TUTTI_ACTOR_FAILED', 'confirmed', 'confirmed']);
    expect(handled).toBe(2);
  });
});

describe('a receiver that has forgotten a channel', () => {
  async function forgetful() {
    const test = createTestSystem();
    const got: string[] = [];
    const logic = fromTransition((n: number, { type }: EventObject) => {
      if (type !== 'in the way') got.push(type);
      return n;
    }, 0);
    const ref = test.system.spawn(logic, { mailbox: { limit: 1 } });
    const send = async (type: string, channel: string) => {
      const opened = test.system.reliable(ref, { channel, next: 1 });
      const sent = codeOf(opened.send({ type }));
      await test.until(() => opened.unconfirmed === 0);
      return sent;
    };
    for (let i = 0; i <= CHANNELS_MAX; i++) expect(await send('take', `c${i}`)).toBe('confirmed');
    return { ...test, got, ref, send };
  }

  test('takes the first message of a new one although its mailbox had no room for it before', async () => {
    const { got, ref, send } = await forgetful();
    ref.send({ type: 'in the way' });
    expect(await send('new', 'another')).toBe('confirmed');
    expect(got.filter((type) => type === 'new')).toEqual(['new']);
  });

  /** The same actor, where what is asked first, or else the answer to it, is lost on the way. */
  function behindLink(ref: Ref, lost: 'message' | 'receipt'): Ref {
    let isFirst = true;
    const ask = <Reply>(event: EventObject, options?: AskOptions): Promise<Reply> => {
      if (!isFirst) return ref.ask<Reply>(event, options);
      isFirst = false;
      if (lost === 'receipt') void ref.ask(event, options);
      return new Promise<Reply>(() => {});
    };
    return {
      address: ref.address,
      send: (event) => ref.send(event),
      ask,
      watch: (listener) => ref.watch(listener),
      subscribe: (listener) => ref.subscribe(listener),
      stop: () => ref.stop(),
    };
  }

  test('takes the first message of a new one although it was lost on its way before', async () => {
    const { system, until, got, ref } = await forgetful();
    const channel = system.reliable(behindLink(ref, 'message'));
    const sent = codeOf(channel.send({ type: 'new' }));
    await until(() => channel.unconfirmed === 0);
    expect(await sent).toBe('confirmed');
    expect(got.filter((type) => type === 'new')).toEqual(['new']);
  });

  test('does not take it again when it has forgotten that one meanwhile, and says that it cannot know', async () => {
    const { system, advance, until, got, ref, send } = await forgetful();
    const channel = system.reliable(behindLink(ref, 'receipt'), { retryMs: 60_000 });
    const sent = codeOf(channel.send({ type: 'new' }));
    advance();
    for (let i = 0; i <= CHANNELS_MAX; i++) expect(await send('take', `d${i}`)).toBe('confirmed');
    await until(() => channel.unconfirmed === 0);
    expect(await sent).toBe('TUTTI_DELIVERY_EXPIRED');
    expect(got.filter((type) => type === 'new')).toEqual(['new']);
  });
});
