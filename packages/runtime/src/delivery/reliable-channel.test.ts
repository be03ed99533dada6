import { describe, expect, test } from 'vitest';
import { assign, type EventObject, fromTransition, setup } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { reply, replying, replyLater } from '../actor/reply.ts';
import { createTestSystem, type TestSystem } from '../testing/test-system.ts';

interface Numbered extends EventObject {
  readonly n: number;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'confirmed',
    (error: { code?: string }) => error.code,
  );

function keeping(test: TestSystem) {
  const got: number[] = [];
  const logic = fromTransition((_: undefined, event: Numbered) => {
    if (event.type === 'take') got.push(event.n);
    if (event.n < 0) throw new Error('below zero');
    return undefined;
  }, undefined);
  return { got, ref: test.system.spawn(logic, { id: 'keeper' }) };
}

describe('a reliable channel to an actor of the same node', () => {
  test('confirms each message when it has been handled, in order, and then needs nothing more', async () => {
    const test = createTestSystem();
    const { got, ref } = keeping(test);
    const channel = test.system.reliable(ref, { windowMax: 4 });
    const sent = Array.from({ length: 20 }, (_, n) => channel.send({ type: 'take', n }));
    expect(got).toEqual([]);
    expect(channel.unconfirmed).toBe(20);
    await test.until(() => channel.unconfirmed === 0);
    await Promise.all(sent);
    expect(got).toEqual(Array.from({ length: 20 }, (_, n) => n));
    const closed = channel.close();
    await closed;
    await test.until(() => test.system.pendingAsks === 0);
    expect(test.system.pendingAsks).toBe(0);
    expect(await codeOf(channel.send({ type: 'take', n: 1 }))).toBe('TUTTI_CLOSED');
    test.advance(120_000);
    expect(Object.values(test.system.deadLetters.counts()).every((count) => count === 0)).toBe(true);
  });

  test('tells of a message on which the actor failed, does not send it again, and goes on', async () => {
    const test = createTestSystem();
    const { got, ref } = keeping(test);
    const channel = test.system.reliable(ref);
    const ends = [1, -2, 3].map((n) => codeOf(channel.send({ type: 'take', n })));
    await test.until(() => channel.unconfirmed === 0);
    expect(await Promise.all(ends)).toEqual(['confirmed', 'TUTTI_ACTOR_FAILED', 'confirmed']);
    expect(got).toEqual([1, -2, 3]);
    expect(test.system.deadLetters.counts().unconfirmed).toBe(1);
  });

  test('fails what is not confirmed when the actor is gone, and a successor at its path gets none of it', async () => {
    const test = createTestSystem();
    const { ref } = keeping(test);
    const channel = test.system.reliable(ref);
    test.advance();
    const stopped = ref.stop();
    test.advance();
    await stopped;
    const late = codeOf(channel.send({ type: 'take', n: 1 }));
    const successor = keeping(test);
    await test.until(() => channel.unconfirmed === 0);
    expect(await late).toBe('TUTTI_ACTOR_UNKNOWN');
    expect(await codeOf(channel.send({ type: 'take', n: 2 }))).toBe('TUTTI_ACTOR_UNKNOWN');
    test.advance(60_000);
    expect(successor.got).toEqual([]);
  });

  test('is bounded', async () => {
    const test = createTestSystem();
    const { ref } = keeping(test);
    const channel = test.system.reliable(ref, { windowMax: 2, queueMax: 3 });
    const ends = Array.from({ length: 6 }, (_, n) => codeOf(channel.send({ type: 'take', n })));
    await test.until(() => channel.unconfirmed === 0);
    expect((await Promise.all(ends)).filter((end) => end === 'TUTTI_OVERLOADED')).toHaveLength(1);
  });

  test('confirms what is handled also when the logic answers nobody, later, or by itself', async () => {
    const test = createTestSystem();
    const machine = setup({ types: { context: {} as { seen: number } } }).createMachine({
      context: { seen: 0 },
      on: {
        count: { actions: [assign({ seen: ({ context }) => context.seen + 1 }), reply('counted')] },
        hold: { actions: replyLater() },
        release: { actions: reply('released') },
      },
    });
    const ref = test.system.spawn(machine);
    const held = ref.ask({ type: 'hold' });
    const channel = test.system.reliable(ref);
    const sent = ['count', 'hold', 'unknown', 'release'].map((type) => codeOf(channel.send({ type })));
    await test.until(() => channel.unconfirmed === 0);
    expect(await Promise.all(sent)).toEqual(['confirmed', 'confirmed', 'confirmed', 'confirmed']);
    // The first reply came to the ask that was held, and not to the channel.
    expect(await held).toBe('counted');
  });

  test('does not flood an actor that puts a message off: what comes after it waits', async () => {
    const test = createTestSystem();
    const order: string[] = [];
    const note = ({ event }: { event: EventObject }) => void order.push(event.type);
    const machine = setup({}).createMachine({
      initial: 'closed',
      states: {
        closed: { meta: { defer: ['pay'] }, on: { open: { target: 'open', actions: note } } },
        open: {},
      },
      on: { pay: { actions: note }, ship: { actions: note } },
    });
    const ref: Ref = test.system.spawn(machine);
    const channel = test.system.reliable(ref);
    const sent = ['pay', 'ship', 'pay'].map((type) => codeOf(channel.send({ type })));
    const later = test.clock.now() + 10_000;
    test.clock.setTimer(10_000, () => {});
    await test.until(() => test.clock.now() >= later);
    expect(test.system.tree()[0]!.mailboxDepth).toBeLessThan(20);
    ref.send({ type: 'open' });
    await test.until(() => channel.unconfirmed === 0);
    expect(await Promise.all(sent)).toEqual(['confirmed', 'confirmed', 'confirmed']);
    expect(order).toEqual(['open', 'pay', 'ship', 'pay']);
  });

  test('ends with the system, and whoever waited is told', async () => {
    const test = createTestSystem();
    const { ref } = keeping(test);
    const channel = test.system.reliable(ref);
    const sent = codeOf(channel.send({ type: 'take', n: 1 }));
    const stopped = test.system.stop();
    test.advance();
    await stopped;
    expect(await sent).toBe('TUTTI_CLOSED');
  });
});

describe('a message that is sent again', () => {
  /** Sends the same number as a sender would that never got the receipt. */
  const again = { windowMax: 1, channel: 'orders', next: 1 };

  test('is handled once by an actor that lives, also when it was restarted in between', async () => {
    const test = createTestSystem();
    const { got, ref } = keeping(test);
    for (let attempt = 0; attempt < 3; attempt++) {
      const channel = test.system.reliable(ref, again);
      const sent = codeOf(channel.send({ type: 'take', n: 7 }));
      await test.until(() => channel.unconfirmed === 0);
      expect(await sent).toBe('confirmed');
      ref.send({ type: 'fail', n: -1 });
      test.advance(10);
    }
    expect(got).toEqual([7]);
  });

  test('is handled once by an actor whose keeper kept its state, when it starts anew from that', async () => {
    const test = createTestSystem();
    let stored: unknown;
    const keeper = {
      restore: () => stored,
      commit: (turn: { changed: boolean; persisted(): unknown }) => {
        if (turn.changed) stored = JSON.parse(JSON.stringify(turn.persisted())) as unknown;
        return undefined;
      },
    };
    const logic = replying((sum: number, event: Numbered) => sum + (event.n ?? 0), 0);
    for (let life = 1; life <= 3; life++) {
      const ref = test.system.spawn(logic, { keeper });
      const channel = test.system.reliable(ref, again);
      const sent = [5, 6].map((n) => codeOf(channel.send({ type: 'add', n })));
      await test.until(() => channel.unconfirmed === 0);
      expect(await Promise.all(sent)).toEqual(['confirmed', 'confirmed']);
      expect(stored).toMatchObject({ context: 11 });
      const stopped = ref.stop();
      test.advance();
      await stopped;
    }
  });

  test('is committed although it changes nothing else, so that it is not handled after a restart either', async () => {
    const test = createTestSystem();
    let stored: unknown;
    const handled: string[] = [];
    const keeper = {
      restore: () => stored,
      commit: (turn: { changed: boolean; persisted(): unknown }) => {
        if (turn.changed) stored = turn.persisted();
        return undefined;
      },
    };
    const logic = setup({}).createMachine({ on: { note: { actions: () => void handled.push('note') } } });
    for (let life = 1; life <= 2; life++) {
      const ref = test.system.spawn(logic, { keeper });
      const channel = test.system.reliable(ref, again);
      void channel.send({ type: 'note' });
      await test.until(() => channel.unconfirmed === 0);
      const stopped = ref.stop();
      test.advance();
      await stopped;
    }
    expect(handled).toEqual(['note']);
  });

  test('in the same turn as the first is confirmed with it, and not when their commit fails', async () => {
    const test = createTestSystem();
    let fail: (error: Error) => void = () => {};
    const keeper = {
      restore: () => undefined,
      commit: (turn: { persisted(): unknown }) => {
        const isFirst = (turn.persisted() as { context: number }).context === 0;
        return isFirst ? undefined : new Promise<void>((_, reject) => (fail = reject));
      },
      turnMessagesMax: 64,
    };
    const ref = test.system.spawn(
      replying((sum: number, event: Numbered) => sum + (event.n ?? 0), 0),
      { keeper },
    );
    test.advance();
    const [one, two] = [test.system.reliable(ref, again), test.system.reliable(ref, again)];
    const ends = [one, two].map((channel) => codeOf(channel.send({ type: 'add', n: 5 })));
    await test.until(() => test.clock.now() >= 100, 100);
    expect([one.unconfirmed, two.unconfirmed]).toEqual([1, 1]);
    fail(new Error('no longer the owner'));
    await test.until(() => one.unconfirmed + two.unconfirmed === 0);
    expect(await Promise.all(ends)).toEqual(['TUTTI_ACTOR_UNKNOWN', 'TUTTI_ACTOR_UNKNOWN']);
  });

  test('has no receipt before the commit that holds the first one, and is handled again when that failed', async () => {
    const test = createTestSystem();
    let stored: unknown;
    let outcome: 'waits' | 'fails' | 'works' = 'waits';
    const pending: ((error: Error) => void)[] = [];
    const keeper = {
      restore: () => stored,
      commit: (turn: { changed: boolean; persisted(): unknown }) => {
        if (!turn.changed || outcome === 'works' || stored === undefined) {
          if (turn.changed) stored = turn.persisted();
          return undefined;
        }
        return new Promise<void>((_, reject) => pending.push(reject));
      },
      turnMessagesMax: 64,
    };
    const logic = replying((sum: number, event: Numbered) => sum + (event.n ?? 0), 0);
    const first = test.system.spawn(logic, { keeper });
    test.advance();
    const channel = test.system.reliable(first, { ...again, windowMax: 4 });
    const sent = codeOf(channel.send({ type: 'add', n: 5 }));
    test.advance(2_000); // it was sent again more than once
    expect(channel.unconfirmed).toBe(1);
    outcome = 'fails';
    pending[0]!(new Error('no longer the owner'));
    await test.until(() => channel.unconfirmed === 0);
    expect(await sent).toBe('TUTTI_ACTOR_UNKNOWN');
    outcome = 'works';
    const second = test.system.spawn(logic, { keeper });
    const retry = test.system.reliable(second, again);
    void retry.send({ type: 'add', n: 5 });
    await test.until(() => retry.unconfirmed === 0);
    expect(stored).toMatchObject({ context: 5 });
  });
});
