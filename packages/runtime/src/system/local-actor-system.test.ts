import { incarnation, isTuttiError } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import { createMachine, type EventObject, fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { replying } from '../actor/reply.ts';
import type { DeadLetter } from '../mailbox/dead-letters.ts';
import { createTestSystem } from '../testing/test-system.ts';

const counter = replying((count: number, event: { type: string }, reply) => {
  if (event.type === 'get') reply(count);
  return event.type === 'add' ? count + 1 : count;
}, 0);

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (isTuttiError(error)) return error.code;
  }
  return 'none';
};

describe('scheduling', () => {
  test('a relay of 100,000 actors finishes, since no send runs a receiver on its stack', () => {
    const { system, advance } = createTestSystem();
    let arrived = 0;
    const last = fromTransition((context: undefined, event: EventObject & { hops?: number }) => {
      arrived = event.hops ?? 0;
      return context;
    }, undefined);
    let next: Ref = system.spawn(last);
    for (let i = 0; i < 100_000; i++) {
      const target = next;
      const relay = (context: undefined, event: EventObject & { hops?: number }) => {
        target.send({ type: 'pass', hops: (event.hops ?? 0) + 1 } as EventObject);
        return context;
      };
      next = system.spawn(fromTransition(relay, undefined));
    }
    next.send({ type: 'pass' });
    advance();
    expect(arrived).toBe(100_000);
  });

  test('an actor with a full mailbox does not keep the others waiting', () => {
    const { system, advance } = createTestSystem({ limits: { quantum: 8 } });
    const order: string[] = [];
    const logic = (name: string) => fromTransition(() => void order.push(name), undefined);
    const busy = system.spawn(logic('busy'));
    const quiet = system.spawn(logic('quiet'));
    for (let i = 0; i < 100; i++) busy.send({ type: 'work' });
    quiet.send({ type: 'work' });
    advance();
    expect(order.indexOf('quiet')).toBeLessThanOrEqual(8);
    expect(order).toHaveLength(101);
  });

  test('slow messages keep the event loop waiting for a turn, and not for as many as a quantum has', () => {
    const { system, clock, advance } = createTestSystem();
    let now = 0;
    clock.now = () => now;
    const turns: number[] = [];
    const nextTurn = clock.nextTurn.bind(clock);
    clock.nextTurn = (action) =>
      nextTurn(() => {
        const begun = now;
        action();
        turns.push(now - begun);
      });
    const slow = system.spawn(fromTransition(() => void (now += 8), undefined));
    for (let i = 0; i < 128; i++) slow.send({ type: 'work' });
    advance();
    expect(now).toBe(128 * 8);
    expect(turns[0]).toBeLessThanOrEqual(9 * 8);
    for (const ms of turns.slice(1)) expect(ms).toBeLessThanOrEqual(2 * 8);
  });

  test('messages of one sender arrive in order, and a send never runs the receiver at once', () => {
    const { system, advance, probe } = createTestSystem();
    const { ref, events } = probe();
    for (let i = 0; i < 500; i++) ref.send({ type: String(i) });
    expect(events).toHaveLength(0);
    advance();
    expect(events.map((event) => Number(event.type))).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(system.deadLetters.counts()['unknown-actor']).toBe(0);
  });

  test('a machine that never comes to rest fails instead of holding the node', () => {
    const { system, advance, probe } = createTestSystem({ limits: { microsteps: 100 } });
    const spinning = createMachine({
      initial: 'a',
      states: { idle: {}, a: { on: { GO: 'b' } }, b: { always: 'c' }, c: { always: 'b' } },
    });
    const ref = system.spawn(spinning, { supervise: false });
    const watcher = probe();
    watcher.watch(ref);
    ref.send({ type: 'GO' });
    advance();
    expect(watcher.terminated[0]?.reason).toBe('failed');
    expect(watcher.terminated[0]?.problem).toContain('100 microsteps');
  });
});

describe('spawning', () => {
  test('refuses ids that are taken or unusable, dead parents, and more actors than the limit', async () => {
    const { system, advance } = createTestSystem({ limits: { actors: 3 } });
    const first = system.spawn(counter, { id: 'one' });
    expect(codeOf(() => system.spawn(counter, { id: 'one' }))).toBe('TUTTI_ACTOR_ID_TAKEN');
    expect(codeOf(() => system.spawn(counter, { id: 'a/b' }))).toBe('TUTTI_ACTOR_ID_INVALID');
    const gone = system.spawn(counter);
    const stopping = gone.stop();
    advance();
    await stopping;
    expect(codeOf(() => system.spawn(counter, { parent: gone }))).toBe('TUTTI_ACTOR_UNKNOWN');
    system.spawn(counter, { parent: first, id: 'child' });
    system.spawn(counter);
    expect(codeOf(() => system.spawn(counter))).toBe('TUTTI_OVERLOADED');
    expect(system.actorCount).toBe(3);
  });

  test('an id is free again when its actor is gone, and no message of an old ref reaches the new one', async () => {
    const { system, advance, probe } = createTestSystem();
    const old = system.spawn(counter, { id: 'x' });
    const stopped = old.stop();
    advance();
    await stopped;
    const fresh = system.spawn(counter, { id: 'x' });
    fresh.send({ type: 'add' });
    old.send({ type: 'add' });
    system.ref(old.address).send({ type: 'add' });
    const watcher = probe();
    watcher.watch(old);
    const refused = old.ask<number>({ type: 'get' }).catch((error: { code: string }) => error.code);
    const stoppedAgain = old.stop();
    const answer = system.ref('local:test/1/x').ask<number>({ type: 'get' });
    advance();
    await stoppedAgain;
    expect(await answer).toBe(1);
    expect(await refused).toBe('TUTTI_ACTOR_UNKNOWN');
    expect(watcher.terminated).toEqual([{ address: old.address, reason: 'unknown' }]);
    expect(old.address).not.toBe(fresh.address);
    expect(system.deadLetters.counts()).toMatchObject({ 'stale-incarnation': 3 });
  });

  test('the tree shows path, state, depth, restarts and children', () => {
    const { system, advance } = createTestSystem();
    const parent = system.spawn(createMachine({ id: 'light', initial: 'on', states: { on: {} } }), {
      id: 'lamp',
    });
    const child = system.spawn(counter, { id: 'bulb', parent });
    advance();
    child.send({ type: 'add' });
    expect(system.tree()).toMatchObject([
      {
        path: 'lamp',
        logic: 'light',
        value: 'on',
        state: 'running',
        children: [{ path: 'lamp/bulb', mailboxDepth: 1 }],
      },
    ]);
  });
});

describe('stopping', () => {
  /** Actors that say when they end: a callback's clean-up runs when it is stopped. */
  const noting = (ended: string[], name: string) => ({
    ...fromTransition((context: undefined, event: EventObject) => {
      if (event.type === 'xstate.stop') ended.push(name);
      return context;
    }, undefined),
  });

  test('children stop before their parent, last started first', async () => {
    const { system, advance } = createTestSystem();
    const ended: string[] = [];
    const root = system.spawn(noting(ended, 'root'), { id: 'root' });
    const a = system.spawn(noting(ended, 'a'), { parent: root });
    system.spawn(noting(ended, 'a1'), { parent: a });
    system.spawn(noting(ended, 'a2'), { parent: a });
    system.spawn(noting(ended, 'b'), { parent: root });
    advance();
    const stopped = system.stop();
    advance(10_000);
    await stopped;
    expect(ended).toEqual(['b', 'a2', 'a1', 'a', 'root']);
    expect(system.actorCount).toBe(0);
    expect(codeOf(() => system.spawn(counter))).toBe('TUTTI_CLOSED');
  });

  test('a system that is stopped before its first turn leaves nobody behind', async () => {
    const { system, advance } = createTestSystem();
    const parent = system.spawn(counter);
    system.spawn(counter, { parent });
    const stopped = system.stop();
    advance();
    await stopped;
    expect(system.actorCount).toBe(0);
  });

  test('what waits in the mailbox is handled first, what comes later is a dead letter', async () => {
    const { system, advance, probe } = createTestSystem();
    const { ref, events } = probe();
    ref.send({ type: 'before' });
    const stopped = ref.stop();
    ref.send({ type: 'after' });
    advance();
    await stopped;
    expect(events.map((event) => event.type)).toEqual(['before', 'xstate.stop']);
    expect(system.deadLetters.counts()).toMatchObject({ stopped: 1 });
  });

  test('an actor that cannot end in time is ended at its deadline, and the rest is counted', async () => {
    const { system, advance } = createTestSystem();
    const keeper = { restore: () => undefined, commit: () => new Promise<void>(() => {}) };
    const ref = system.spawn(counter, { keeper, supervise: { shutdownMs: 300 } });
    ref.send({ type: 'add' });
    const stopped = ref.stop();
    advance(299);
    expect(system.actorCount).toBe(1);
    advance(1);
    await stopped;
    expect(system.deadLetters.counts().stopped).toBe(1);
  });
});

describe('addresses and dead letters', () => {
  test('every message that reaches nobody is counted by its reason, and shown', () => {
    const { system, advance } = createTestSystem();
    const letters: DeadLetter[] = [];
    system.deadLetters.onDeadLetter((letter) => letters.push(letter));
    const event = { type: 'hello' };
    system.ref('local:test/1/nobody').send(event);
    system.ref('local:test/0/nobody').send(event);
    system.ref('local:other/1/a').send(event);
    system.deliver('entity:cart/7', event);
    advance();
    expect(letters.map(({ reason }) => reason)).toEqual([
      'unknown-actor',
      'stale-incarnation',
      'no-resolver',
      'no-resolver',
    ]);
    expect(system.deadLetters.counts()).toMatchObject({
      'unknown-actor': 1,
      'stale-incarnation': 1,
      'no-resolver': 2,
    });
  });

  test('a resolver makes the refs of its addresses until it is taken back, and never of our own', () => {
    const { system, probe } = createTestSystem({ incarnation: incarnation(1) });
    const { ref } = probe('mine');
    const take = system.addResolver({ matches: () => true, ref: () => ref });
    expect(system.ref('entity:cart/7')).toBe(ref);
    expect(system.ref('local:test/1/other')).not.toBe(ref);
    take();
    expect(system.ref('entity:cart/7')).not.toBe(ref);
  });

  test('a message from the wire reaches its actor, and an ask from the wire its answer', () => {
    const { system, advance } = createTestSystem();
    const { address } = system.spawn(counter, { id: 'c' });
    const answers: unknown[] = [];
    const target = {
      reply: (value: unknown) => answers.push(value),
      fail: (error: Error) => answers.push(error.message),
    };
    system.deliver(address, { type: 'add' });
    system.deliver(address, { type: 'get' }, target);
    system.deliver('local:test/1/nobody', { type: 'get' }, target);
    advance();
    expect(answers).toEqual(['There is no actor at local:test/1/nobody', 1]);
  });
});

describe('watching and subscribing', () => {
  test('each watcher is told exactly once, with the reason, also of the dead and the unknown', async () => {
    const { system, advance, probe } = createTestSystem();
    const watcher = probe();
    const stops = system.spawn(counter, { id: 'stops' });
    const fails = system.spawn(
      fromTransition(() => {
        throw new Error('no');
      }, undefined),
      { id: 'fails', supervise: false },
    );
    const ends = system.spawn(
      createMachine({ initial: 'a', states: { a: { on: { END: 'z' } }, z: { type: 'final' } } }),
      { id: 'ends' },
    );
    for (const ref of [stops, fails, ends]) watcher.watch(ref as Ref);
    const cancel = watcher.watch(stops);
    cancel();
    fails.send({ type: 'x' });
    ends.send({ type: 'END' });
    const stopped = stops.stop();
    advance(10_000);
    await stopped;
    await stops.stop();
    watcher.watch(system.ref('local:test/1/never'));
    watcher.watch(stops);
    watcher.watch(stops)();
    advance(10_000);
    const told = watcher.terminated.map(
      ({ address, reason }) => `${address.slice(13).replace(/#\d+/, '')} ${reason}`,
    );
    expect(told.sort()).toEqual([
      'ends done',
      'fails failed',
      'never unknown',
      'stops stopped',
      'stops unknown',
    ]);
  });

  test('a full bounded mailbox of the watcher loses no notice', () => {
    const { system, advance } = createTestSystem();
    let told = 0;
    const full = system.spawn(counter, { mailbox: { limit: 1, overflow: 'drop-new' } });
    const ref = system.spawn(counter);
    ref.watch(() => {
      told++;
      full.send({ type: 'add' });
    });
    full.send({ type: 'add' });
    void ref.stop();
    advance();
    expect(told).toBe(1);
  });

  test('a subscriber sees the current snapshot and then each new one', () => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(counter);
    advance();
    const seen: unknown[] = [];
    const stop = ref.subscribe((snapshot) => seen.push(snapshot.context));
    ref.send({ type: 'add' });
    advance();
    stop();
    ref.send({ type: 'add' });
    advance();
    expect(seen).toEqual([0, 1]);
  });
});
