import { describe, expect, test } from 'vitest';
import { assign, createMachine, fromCallback, sendTo, setup } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { reply } from '../actor/reply.ts';
import { family, noting, TRIO } from '../testing/family.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { ChildPolicy } from './policy.ts';
import { supervisor } from './supervisor.ts';

const backoff = { initialMs: 100, factor: 2, jitter: 0 } as const;
const manyTimes = { restarts: 100, withinMs: 1_000 } as const;

describe('a child that dies while its siblings are being restarted', () => {
  test.each(['one-for-all', 'rest-for-one'] as const)(
    '%s: one failing before its turn to be put down comes back once',
    (strategy) => {
      const { member, advance, news, alive } = family({ strategy });
      news();
      for (const id of ['a', 'b', 'c']) member(id).send({ type: 'abnormal' });
      advance();
      expect(news()).toBe('a starts, b starts, c starts');
      expect(alive()).toBe('abc');
    },
  );

  test('one that is up again and fails while the next one starts is a failure of its own, after that start', () => {
    // The second start of b makes a fail.
    const world = createTestSystem();
    const log: string[] = [];
    const a = noting(log, 'a');
    const b = noting(log, 'b', {
      failsToStart: (times) => {
        if (times === 2) world.system.ref('local:test/1/top/a').send({ type: 'abnormal' });
        return false;
      },
    });
    const permanent = { restart: 'permanent' } as const;
    const children = [
      { id: 'a', logic: a, policy: permanent },
      { id: 'b', logic: b, policy: permanent },
      { id: 'c', logic: noting(log, 'c'), policy: permanent },
    ];
    world.system.spawn(supervisor({ strategy: 'one-for-all', children }), { id: 'top' });
    world.advance();
    log.splice(0);
    world.system.ref('local:test/1/top/b').send({ type: 'abnormal' });
    world.advance();
    expect(log.join(', ')).toBe(
      'c ends, a ends, a starts, b starts, c starts, c ends, b ends, a starts, b starts, c starts',
    );
  });

  test('none of those that failed meanwhile is started once one of them has failed too often for the supervisor', () => {
    // The first start of c makes a and b fail, of which a may not.
    const world = createTestSystem();
    const log: string[] = [];
    const failing = {
      failsToStart: () => {
        for (const id of ['a', 'b']) world.system.ref(`local:test/1/top/${id}`).send({ type: 'abnormal' });
        return false;
      },
    };
    const children = [
      { id: 'a', logic: noting(log, 'a'), policy: { intensity: { restarts: 0, withinMs: 1_000 } } },
      { id: 'b', logic: noting(log, 'b') },
      { id: 'c', logic: noting(log, 'c', failing) },
      { id: 'd', logic: noting(log, 'd') },
    ];
    world.system.spawn(supervisor({ children }), { id: 'top', supervise: false });
    world.advance();
    expect(log.join(', ')).toBe('a starts, b starts, c starts, d starts, d ends, c ends');
    expect(world.system.actorCount).toBe(0);
  });

  test('rest-for-one: an earlier one that fails while later ones wait takes their restart over', () => {
    const { tell, news, advance, alive } = family({
      strategy: 'rest-for-one',
      backoff,
      intensity: manyTimes,
    });
    news();
    tell('b', 'abnormal');
    advance(60);
    tell('a', 'abnormal');
    expect([news(), alive()]).toEqual(['c ends', '']);
    advance(99);
    expect(alive()).toBe('');
    advance(1);
    expect([news(), alive()]).toEqual(['a starts, b starts, c starts', 'abc']);
    advance(1_000);
    expect(news()).toBe('');
  });

  test('rest-for-one: one that joined while the others wait does not make them be forgotten', () => {
    const { system, top, log, tell, news, advance, alive } = family({
      strategy: 'rest-for-one',
      backoff,
      intensity: manyTimes,
    });
    news();
    tell('b', 'abnormal');
    system.spawn(noting(log, 'd'), { id: 'd', parent: top });
    advance(50);
    tell('d', 'abnormal');
    expect([news(), alive()]).toEqual(['c ends, d starts', 'a']);
    advance(100);
    expect([news(), alive()]).toEqual(['b starts, c starts, d starts', 'abcd']);
  });

  test('one-for-one: each waits for itself', () => {
    const { tell, news, advance, alive } = family({ backoff, intensity: manyTimes });
    news();
    tell('b', 'abnormal');
    advance(50);
    tell('a', 'abnormal');
    tell('c', 'hello');
    expect(news()).toBe('c hello');
    advance(50);
    expect([news(), alive()]).toEqual(['b starts', 'bc']);
    advance(50);
    expect([news(), alive()]).toEqual(['a starts', 'abc']);
  });
});

describe('a stop', () => {
  test('of the supervisor during backoff ends it at once, and nobody is started any more', async () => {
    for (const strategy of ['one-for-one', 'one-for-all', 'rest-for-one'] as const) {
      const { tell, news, advance, top, clock, system } = family({ strategy, backoff });
      tell('b', 'abnormal');
      news();
      const stopped = top.stop();
      advance();
      await stopped;
      expect(news()).toBe(
        { 'one-for-one': 'c ends, a ends', 'one-for-all': '', 'rest-for-one': 'a ends' }[strategy],
      );
      advance(60_000);
      expect([news(), system.actorCount, clock.nextAt()]).toEqual(['', 0, undefined]);
    }
  });

  test('of the supervisor while its children start: what is up ends in reverse, the rest never starts', async () => {
    const world = createTestSystem();
    const log: string[] = [];
    let stopped: Promise<void> | undefined;
    const b = noting(log, 'b', {
      failsToStart: () => {
        stopped = world.system.ref('local:test/1/top').stop();
        return false;
      },
    });
    const children = [
      { id: 'a', logic: noting(log, 'a') },
      { id: 'b', logic: b },
      { id: 'c', logic: noting(log, 'c') },
    ];
    world.system.spawn(supervisor({ children }), { id: 'top' });
    world.advance();
    await stopped;
    expect(log.filter((line) => line.startsWith('c'))).toEqual([]);
    expect(log.slice(-2)).toEqual(['b ends', 'a ends']);
    expect(world.system.actorCount).toBe(0);
  });

  test('of a child that waits for its restart leaves the others to theirs', async () => {
    const { tell, member, advance, news, alive } = family({ strategy: 'one-for-all', backoff });
    tell('b', 'abnormal');
    news();
    await member('c').stop();
    advance(100);
    expect([news(), alive()]).toEqual(['a starts, b starts', 'ab']);
  });

  test('of a child that the family is just being restarted with', async () => {
    const { member, advance, news, alive } = family({ strategy: 'one-for-all' });
    news();
    member('b').send({ type: 'abnormal' });
    member('c').send({ type: 'work' });
    const stopped = member('c').stop();
    advance();
    await stopped;
    expect(alive()).toBe('ab');
    expect(news()).toContain('c ends');
  });

  test('of a supervisor whose child fails to start again and again, as often as it likes', async () => {
    let stopped: Promise<void> | undefined;
    const endless = { restarts: 1_000_000, withinMs: 1_000 };
    const { tell, system, top, probe } = family({
      intensity: endless,
      members: {
        ...TRIO,
        b: {
          restart: 'permanent',
          failsToStart: (times) => {
            if (times === 500) stopped = system.ref('local:test/1/top').stop();
            return times > 1;
          },
        },
      },
    });
    const { ref, events } = probe();
    top.send({ type: 'ignored' });
    ref.send({ type: 'hello' });
    tell('b', 'abnormal');
    await stopped;
    expect(events).toEqual([{ type: 'hello' }]);
    expect(system.tree().map(({ path }) => path)).not.toContain('top');
  });

  test('during a stop nothing is restarted: a child that fails on what it still had to do is gone', async () => {
    const { member, advance, news, top, ends, escalations } = family();
    news();
    member('b').send({ type: 'abnormal' });
    const stopped = top.stop();
    advance();
    await stopped;
    expect(news()).not.toContain('b starts');
    expect([ends, escalations.length]).toEqual([['stopped'], 0]);
  });
});

describe('shutdown deadlines', () => {
  /** An actor that waits for a commit that never comes. */
  const stuck = { restore: () => undefined, commit: () => new Promise<void>(() => {}) };

  test('hold for each child in turn, and a supervisor waits for its own as long as they need', async () => {
    const { system, advance, clock } = createTestSystem();
    const top: Ref = system.spawn(supervisor({}));
    advance();
    for (const shutdownMs of [3_000, 4_000])
      system.spawn(noting([], 'x'), { parent: top, keeper: stuck, supervise: { shutdownMs } });
    advance();
    const stopped = top.stop();
    advance(6_999);
    expect(system.actorCount).toBe(2);
    advance(1);
    await stopped;
    expect([system.actorCount, clock.nextAt()]).toEqual([0, undefined]);
  });

  test('of no time end an actor before what waits for it', async () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    const ref = system.spawn(noting(log, 'x'), { supervise: { shutdownMs: 0 } });
    advance();
    for (let i = 0; i < 3; i++) ref.send({ type: 'work' });
    const stopped = ref.stop();
    advance();
    await stopped;
    expect(log).toEqual(['x starts', 'x ends']);
    expect(system.deadLetters.counts().stopped).toBe(3);
  });

  test('of dynamic children run together', () => {
    const { system, advance, clock } = createTestSystem();
    const top: Ref = system.spawn(supervisor({ strategy: 'dynamic' }));
    for (let i = 0; i < 10; i++)
      system.spawn(noting([], 'x'), { parent: top, keeper: stuck, supervise: { shutdownMs: 1_000 } });
    advance();
    void top.stop();
    advance(999);
    expect(system.actorCount).toBe(11);
    advance(1);
    expect(system.actorCount).toBe(0);
    expect(clock.nextAt()).toBeUndefined();
  });
});

test('a supervisor has no more children than it may, and room again when one is gone', async () => {
  const { system, top, advance } = family({ strategy: 'dynamic', members: {}, childrenMax: 2 });
  const spawn = () => system.spawn(noting([], 'x'), { parent: top });
  const first = spawn();
  spawn();
  expect(spawn).toThrow(expect.objectContaining({ code: 'TUTTI_OVERLOADED' }));
  const stopped = first.stop();
  advance();
  await stopped;
  spawn();
  expect(system.actorCount).toBe(3);
});

test('a failure that reaches the guardian ends the system, if that is its policy', () => {
  const { system, advance, escalations } = createTestSystem({ guardian: 'stop-system' });
  const log: string[] = [];
  system.spawn(noting(log, 'good'));
  const ref = system.spawn(noting(log, 'bad'), { supervise: { intensity: { restarts: 0, withinMs: 1 } } });
  ref.send({ type: 'abnormal' });
  advance();
  expect(escalations).toHaveLength(1);
  expect(log).toEqual(['good starts', 'bad starts', 'good ends']);
  expect(system.actorCount).toBe(0);
});

test('an actor whose failures reach the guardian is started again when its window is over, if that is the policy', () => {
  const { system, advance, escalations } = createTestSystem({ guardian: 'restart-actor' });
  const log: string[] = [];
  const ref: Ref = system.spawn(noting(log, 'bad'), {
    supervise: { intensity: { restarts: 1, withinMs: 1_000 } },
  });
  const breakDown = () => {
    ref.send({ type: 'abnormal' });
    advance();
  };
  breakDown();
  breakDown();
  ref.send({ type: 'waits' });
  advance(999);
  expect([log, escalations.length]).toEqual([['bad starts', 'bad starts'], 1]);
  advance(1);
  expect(log.slice(2)).toEqual(['bad starts', 'bad waits']);
  breakDown();
  expect([log.length, escalations.length]).toEqual([5, 1]); // its restarts are counted anew
  breakDown();
  expect([log.length, escalations.length]).toEqual([5, 2]);
  void ref.stop();
  advance(10_000);
  expect([log.length, system.actorCount]).toEqual([5, 0]);
});

describe('what a restart goes on from', () => {
  /** Counts, fails when told, and is `busy` for 50 ms at a time. */
  function counting(log: string[]) {
    const fail = () => {
      throw new Error('failed');
    };
    const mortal = fromCallback(({ receive }) => receive(fail));
    return setup({ actors: { mortal }, types: { context: {} as { n: number } } }).createMachine({
      context: { n: 0 },
      initial: 'idle',
      on: {
        ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) },
        GET: { actions: reply(({ context }) => context.n) },
        FAIL_TO_ACT: { actions: fail },
        FAIL_TO_DECIDE: { guard: fail },
        DIE: { actions: sendTo('child', { type: 'DIE' }) },
      },
      states: {
        idle: { on: { WORK: 'busy', CARE: 'caring' } },
        busy: { entry: () => log.push('busy'), after: { 50: 'idle' } },
        caring: { invoke: { id: 'child', src: 'mortal' } },
      },
    });
  }

  async function afterwards(policy: ChildPolicy, ...types: string[]) {
    const log: string[] = [];
    const { system, advance } = createTestSystem();
    const ref = system.spawn(counting(log), { supervise: policy });
    for (const type of types) ref.send({ type });
    const n = ref.ask<number>({ type: 'GET' });
    advance();
    const value = () => system.tree()[0]?.value;
    return { n: await n, log, value, advance, restarts: system.tree()[0]?.restarts };
  }

  test.each(['FAIL_TO_ACT', 'FAIL_TO_DECIDE'])(
    'fresh, or the last committed snapshot: %s',
    async (failure) => {
      const work = ['ADD', 'ADD', 'WORK', failure];
      expect(await afterwards({}, ...work)).toMatchObject({ n: 0, restarts: 1 });
      const kept = await afterwards({ restartFrom: 'snapshot' }, ...work);
      expect(kept).toMatchObject({ n: 2, restarts: 1, log: ['busy'] });
      expect(kept.value()).toBe('busy');
      kept.advance(50); // its delay began anew
      expect(kept.value()).toBe('idle');
    },
  );

  test('the snapshot is the one before the failure also when it was an in-machine child that failed', async () => {
    const policy = { restartFrom: 'snapshot' } as const;
    const { n, restarts, value } = await afterwards(policy, 'ADD', 'CARE', 'ADD', 'DIE');
    expect([n, restarts, value()]).toEqual([2, 1, 'caring']);
  });

  test('a child that is taken along goes on from its own', async () => {
    const { system, advance } = createTestSystem();
    const permanent = { restart: 'permanent' } as const;
    const children = [
      { id: 'one', logic: counting([]), policy: permanent },
      { id: 'two', logic: counting([]), policy: { ...permanent, restartFrom: 'snapshot' } as const },
      { id: 'three', logic: counting([]), policy: permanent },
    ];
    system.spawn(supervisor({ strategy: 'one-for-all', children }), { id: 'top' });
    const ref = (id: string): Ref => system.ref(`local:test/1/top/${id}`);
    advance();
    for (const { id } of children) ref(id).send({ type: 'ADD' });
    ref('three').send({ type: 'FAIL_TO_ACT' });
    advance();
    const counts = Promise.all(children.map(({ id }) => ref(id).ask<number>({ type: 'GET' })));
    advance();
    expect(await counts).toEqual([0, 1, 0]);
  });

  test('going on from a snapshot counts like any restart, and a done actor begins afresh', () => {
    const { system, advance, escalations } = createTestSystem();
    const ref = system.spawn(counting([]), { supervise: { restartFrom: 'snapshot' } });
    for (let i = 0; i < 4; i++) ref.send({ type: 'FAIL_TO_ACT' });
    advance();
    expect(escalations).toHaveLength(1);
    const once = createMachine({ initial: 'a', states: { a: { on: { END: 'z' } }, z: { type: 'final' } } });
    const again = system.spawn(once, { supervise: { restart: 'permanent', restartFrom: 'snapshot' } });
    again.send({ type: 'END' });
    advance();
    expect(system.tree()).toMatchObject([{ restarts: 1, value: 'a' }]);
  });
});
