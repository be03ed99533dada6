import { isTuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import type { EventObject } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { replying } from '../actor/reply.ts';
import { threadWorld } from '../testing/thread-world.ts';

/** Threads that block in a call into the system, and so do not end when they are told to. */

const counting = replying((n: number, _: EventObject, answer) => {
  answer(n + 1);
  return n + 1;
}, 0);

const HANG_MS = 2_000;
const world = (size: number) => threadWorld({ counting }, { size, hangMs: HANG_MS });
const ask = (ref: Ref) => ref.ask({ type: 'count' }, { timeoutMs: 600_000 });
const codeOf = (promise: Promise<unknown>) =>
  promise.catch((error: unknown) => isTuttiError(error) && error.code);

describe('a thread that does not end', () => {
  it('is given up: its actors are told, begin again elsewhere, and it may say what it will', async () => {
    const { place, settle, pass, threads, system, clock } = world(1);
    const [first, second] = [place('counting'), place('counting')];
    await settle(Promise.all([ask(first), ask(first), ask(second)]));
    threads[0]!.stick();
    const asked = [first, second].map((ref) => settle(codeOf(ask(ref))));
    const before = clock.now();
    expect(await Promise.all(asked)).toEqual(['TUTTI_ACTOR_FAILED', 'TUTTI_ACTOR_FAILED']);
    expect(clock.now() - before).toBeLessThanOrEqual(2 * HANG_MS + 1_000);
    expect(await settle(Promise.all([ask(first), ask(second)]))).toEqual([1, 1]);
    expect(system.threads).toMatchObject([
      { thread: 1, actors: 0, outstanding: 0, isStuck: true },
      { thread: 2, actors: 2, isStuck: false },
    ]);
    threads[0]!.goOn();
    await pass(100);
    expect(system.threads).toMatchObject([{ thread: 2, actors: 2 }]);
    expect(await settle(Promise.all([ask(first), ask(second)]))).toEqual([2, 2]);
  });

  it('is one of as many as there may be threads: what is in one more waits for it', async () => {
    const { place, settle, pass, threads, system } = world(1);
    const ref = place('counting');
    await settle(ask(ref));
    threads[0]!.stick();
    await pass(2 * HANG_MS + 1_100);
    await settle(ask(ref));
    threads[1]!.stick();
    await pass(60_000);
    expect(system.threads.map(({ isStuck }) => isStuck)).toEqual([true, false]);
    expect(threads).toHaveLength(2);
    threads[0]!.goOn();
    expect(await settle(ask(ref))).toBe(1);
    expect(threads).toHaveLength(3);
  });

  it('does not hold up the stop of its node', async () => {
    const { place, settle, threads, system, clock } = world(2);
    const ref = place('counting');
    await settle(ask(ref));
    threads[0]!.stick();
    const before = clock.now();
    await settle(system.stop());
    expect(threads[0]!.isOver).toBe(false);
    expect(clock.now() - before).toBeLessThan(30_000);
  });
});
