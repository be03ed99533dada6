import { describe, expect, test } from 'vitest';
import { fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import type { StateKeeper } from '../system/actor-system.ts';
import type { LocalRef } from '../system/local-ref.ts';
import { createTestSystem, type TestSystem } from '../testing/test-system.ts';
import type { ChildPolicy } from './policy.ts';
import { supervisor } from './supervisor.ts';

const worker = (started: () => void = () => {}) =>
  fromTransition(
    (count: number, event: { type: string }) => {
      if (event.type === 'break') throw new Error('broken');
      return count + 1;
    },
    () => {
      started();
      return 0;
    },
  );

/** Its first commit is never answered, so an actor with it takes the whole of any deadline. */
const stuck: StateKeeper = { restore: () => undefined, commit: () => new Promise<void>(() => {}) };

/** Says at what time, and how, it ended. */
function endOf({ clock }: TestSystem, ref: Ref): string[] {
  const ends: string[] = [];
  ref.watch(({ reason }) => ends.push(`${reason} at ${clock.now()}`));
  return ends;
}

describe('the deadline of a stop', () => {
  function family(parentPolicy: ChildPolicy, childPolicy: ChildPolicy = {}) {
    const test = createTestSystem();
    const parent = test.system.spawn(worker(), { id: 'p', supervise: parentPolicy });
    test.advance();
    test.system.spawn(worker(), { id: 'c', parent, keeper: stuck, supervise: childPolicy });
    test.advance();
    return { ...test, parent, ends: endOf(test, parent) };
  }

  test('holds for an actor that runs, and for one that is just failing', () => {
    const running = family({ shutdownMs: 100 });
    void running.parent.stop();
    running.advance(1_000);
    expect(running.ends).toEqual(['stopped at 100']);
    const failing = family({ shutdownMs: 100 });
    failing.parent.send({ type: 'break' });
    failing.advance(20);
    void failing.parent.stop();
    failing.advance(1_000);
    expect(failing.ends).toEqual(['failed at 120']);
    expect(failing.system.actorCount).toBe(0);
  });

  test('ends one that is just failing at once when it is 0', () => {
    const { parent, advance, ends } = family({ shutdownMs: 0 });
    parent.send({ type: 'break' });
    advance(20);
    void parent.stop();
    advance(1);
    expect(ends).toEqual(['failed at 20']);
  });

  test.each([
    [100, 300, 300],
    [0, 300, 300],
    [300, 100, 300],
  ])(
    'of %i ms is that of whoever has it leave within %i ms, where that is more',
    (shutdownMs, withinMs, atMs) => {
      const { parent, advance, ends } = family({ shutdownMs }, { shutdownMs: Infinity });
      void (parent as Ref as LocalRef).leave(withinMs);
      advance(1_000);
      expect(ends).toEqual([`stopped at ${atMs}`]);
    },
  );

  test('bounds the stop of the system although a child below would wait for ever', async () => {
    const { system, parent, advance, ends } = family({ shutdownMs: 100 }, { shutdownMs: Infinity });
    parent.send({ type: 'break' });
    advance(5);
    const stopped = system.stop();
    advance(1_000);
    expect(ends).toEqual(['failed at 105']);
    await stopped;
  });
});

describe('the deadline of a sibling that is put down for a restart', () => {
  /** The second of them has a child that takes the time that it is given. */
  function pair(policy: ChildPolicy, takesMs = Infinity) {
    const test = createTestSystem();
    const starts: string[] = [];
    const part = (name: string) => worker(() => void starts.push(`${name} at ${test.clock.now()}`));
    const children = [
      { id: 'a', logic: part('a') },
      { id: 'b', logic: part('b'), policy },
    ];
    test.system.spawn(supervisor({ strategy: 'one-for-all', children }), { id: 's' });
    test.advance();
    const [a, b] = [test.system.ref('local:test/1/s/a'), test.system.ref('local:test/1/s/b')];
    const supervise = { shutdownMs: takesMs };
    const below = test.system.spawn(worker(), { parent: b, keeper: stuck, supervise });
    test.advance();
    starts.length = 0;
    return { ...test, starts, a, b, below: endOf(test, below), ends: endOf(test, b) };
  }

  test('ends what is below it, and it comes back with the others', () => {
    const { a, advance, starts, below, ends } = pair({ shutdownMs: 100 });
    a.send({ type: 'break' });
    advance(99);
    expect(starts).toEqual([]);
    advance(1);
    expect(below).toEqual(['stopped at 100']);
    expect(starts).toEqual(['a at 100', 'b at 100']);
    expect(ends).toEqual([]);
  });

  test('is not that of its next life', () => {
    const test = pair({ shutdownMs: 100 }, 50);
    const { system, a, b, advance, starts } = test;
    a.send({ type: 'break' });
    advance(50);
    expect(starts).toEqual(['a at 50', 'b at 50']);
    const next = system.spawn(worker(), { parent: b, keeper: stuck });
    const ends = endOf(test, next);
    a.send({ type: 'break' });
    advance(99);
    expect(ends).toEqual([]);
    advance(1);
    expect(ends).toEqual(['stopped at 150']);
  });

  test('holds when it had failed itself before', () => {
    const { a, b, advance, starts } = pair({ shutdownMs: 100 });
    b.send({ type: 'break' });
    advance(30);
    a.send({ type: 'break' });
    advance(99);
    expect(starts).toEqual([]);
    advance(1);
    expect(starts).toEqual(['a at 130', 'b at 130']);
  });
});
