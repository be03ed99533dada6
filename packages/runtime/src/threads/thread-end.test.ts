import { isTuttiError } from '@tutti/kernel';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventObject, fromCallback, setup } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { replying } from '../actor/reply.ts';
import { supervisor } from '../supervision/supervisor.ts';
import { threadWorld } from '../testing/thread-world.ts';
import { threaded } from './threaded.ts';

/** What becomes of the messages in a thread when it ends, or when their actor is told to stop at once. */

type Event = EventObject & { readonly n?: number; readonly to?: Ref };

/** Notes what it handles and answers it. Whoever makes it sees it from outside, however often its life begins anew. */
const noting = (seen: number[]) =>
  replying((_: undefined, { n }: Event, answer) => {
    if (n !== undefined) seen.push(n);
    answer(n);
    return undefined;
  }, undefined);

const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const event = (n: number) => ({ type: 'add', n }) as Event;
const ask = (ref: Ref, n: number) => ref.ask(event(n), { timeoutMs: 60_000 });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => (isTuttiError(error) ? error.code : error),
  );

/** One actor that is up, in a thread. */
async function placed(
  supervise: { readonly shutdownMs?: number } | false,
  bounds: Parameters<typeof threadWorld>[1] = {},
) {
  const seen: number[] = [];
  const world = threadWorld({ noting: noting(seen) }, bounds);
  const ref = world.place('noting', { supervise });
  await world.settle(ref.ask({ type: 'begin' }));
  const letters = () => world.letters.map((letter) => [(letter.event as Event).n, letter.reason]);
  return { ...world, ref, seen, lettersOf: letters };
}

describe('a stop whose deadline is over', () => {
  it('refuses what the thread did not handle, and answers what it did, whenever it hears of the stop', async () => {
    const step = fc.record({ count: fc.integer({ min: 0, max: 6 }), passMs: fc.integer({ min: 0, max: 9 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 6 }),
        fc.nat({ max: 9 }),
        fc.integer({ min: 1, max: 8 }),
        async (steps, hopMs, windowMax) => {
          const bounds = { hopMs, windowMax };
          const { ref, seen, settle, pass, lettersOf } = await placed({ shutdownMs: 0 }, bounds);
          const asked: Promise<unknown>[] = [];
          for (const { count, passMs } of steps) {
            for (const _ of oneTo(count)) asked.push(codeOf(ask(ref, asked.length + 1)));
            await pass(passMs);
          }
          await settle(ref.stop());
          const told = await settle(Promise.all(asked));
          const isHandled = new Set(seen);
          expect(told).toEqual(
            oneTo(told.length).map((n) => (isHandled.has(n) ? { value: n } : 'TUTTI_ACTOR_UNKNOWN')),
          );
          const unhandled = oneTo(told.length).filter((n) => !isHandled.has(n));
          const letters = lettersOf().toSorted(([a], [b]) => Number(a) - Number(b));
          expect(letters).toEqual(unhandled.map((n) => [n, 'stopped']));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('confirms what the thread has handled of a channel by then', async () => {
    const { ref, seen, settle, pass, system } = await placed({ shutdownMs: 0 }, { hopMs: 20 });
    const channel = system.reliable(ref);
    const sent = codeOf(channel.send(event(1)));
    await pass(10);
    await settle(ref.stop());
    expect(await settle(sent)).toEqual({ value: undefined });
    expect(seen).toEqual([1]);
  });

  it('says of what a thread had that does not let go of it that nobody knows, and of the rest at once', async () => {
    const { ref, settle, pass, threads, clock, lettersOf } = await placed(
      { shutdownMs: 0 },
      { windowMax: 2 },
    );
    threads[0]!.block();
    const asked = oneTo(4).map((n) => codeOf(ask(ref, n)));
    await pass(5);
    const before = clock.now();
    await settle(ref.stop());
    expect(await settle(Promise.all(asked.slice(2)))).toEqual(['TUTTI_ACTOR_UNKNOWN', 'TUTTI_ACTOR_UNKNOWN']);
    expect(clock.now() - before).toBeLessThan(1);
    expect(await settle(Promise.all(asked))).toEqual([
      'TUTTI_ACTOR_FAILED',
      'TUTTI_ACTOR_FAILED',
      'TUTTI_ACTOR_UNKNOWN',
      'TUTTI_ACTOR_UNKNOWN',
    ]);
    expect(clock.now() - before).toBeLessThanOrEqual(1_001);
    expect(lettersOf()).toEqual([
      [3, 'stopped'],
      [4, 'stopped'],
      [1, 'thread-lost'],
      [2, 'thread-lost'],
    ]);
  });
});

describe('a thread that ends without a word', () => {
  it('hands what came over a channel to the next life, in order, and the rest to nobody', async () => {
    const { ref, seen, settle, pass, threads, system, lettersOf } = await placed({});
    const channel = system.reliable(ref);
    threads[0]!.block();
    const sent = oneTo(100).map((n) => codeOf(channel.send(event(n))));
    await pass(5);
    threads[0]!.crash('gone');
    expect(await settle(Promise.all(sent))).toEqual(oneTo(100).map(() => ({ value: undefined })));
    expect(seen).toEqual(oneTo(100));
    ref.send(event(101));
    threads[1]!.block();
    await pass(5);
    threads[1]!.crash('gone');
    expect(await settle(ask(ref, 102))).toBe(102);
    expect(seen).toEqual([...oneTo(100), 102]);
    expect(lettersOf()).toEqual([[101, 'thread-lost']]);
  });

  it('has the channels to those who are not started again reject', async () => {
    const { ref, settle, pass, threads, system, lettersOf } = await placed(false);
    const channel = system.reliable(ref);
    threads[0]!.block();
    const sent = oneTo(3).map((n) => codeOf(channel.send(event(n))));
    await pass(5);
    threads[0]!.crash('gone');
    expect(await settle(Promise.all(sent))).toEqual(oneTo(3).map(() => 'TUTTI_ACTOR_UNKNOWN'));
    expect(lettersOf()).toEqual(oneTo(3).map((n) => [n, 'unconfirmed']));
  });

  it('counts against the restarts of those who had something to do, and not of their neighbours', async () => {
    const { ref, place, settle, pass, threads, escalations, system } = await placed({}, { size: 1 });
    const neighbours = [place('noting'), place('noting')];
    const begin = () => settle(Promise.all(neighbours.map((each) => each.ask({ type: 'begin' }))));
    await begin();
    for (let n = 1; n <= 4; n++) {
      threads.at(-1)!.block();
      ref.send(event(n));
      await pass(5);
      threads.at(-1)!.crash('its code ended it');
      await pass(5);
    }
    expect(escalations.map(({ address }) => address)).toEqual([ref.address]);
    await begin();
    expect(system.tree().map(({ restarts }) => restarts)).toEqual([4, 4]);
  });

  it('counts once against some that are restarted together, when one of them had something to do', async () => {
    const { settle, pass, threads, system } = await placed({}, { size: 1 });
    const child = (id: string) => ({ id, logic: threaded('m', { export: 'noting' }) });
    const children = ['idle', 'busy'].map(child);
    system.spawn(supervisor({ strategy: 'one-for-all', children }), { id: 's' });
    await pass(1);
    const busy: Ref = system.ref('local:test/1/s/busy');
    await settle(busy.ask({ type: 'begin' }));
    const restarts = () => system.tree().find(({ path }) => path === 's')!.restarts;
    for (let n = 1; n <= 4; n++) {
      expect(restarts()).toBe(0);
      threads.at(-1)!.block();
      busy.send(event(n));
      await pass(5);
      threads.at(-1)!.crash('its code ended it');
      await pass(5);
    }
    expect(restarts()).toBe(1);
  });

  it('counts against all of them when none had anything to do', async () => {
    const { place, settle, pass, threads, escalations } = await placed({}, { size: 1 });
    await settle(place('noting').ask({ type: 'begin' }));
    for (let n = 1; n <= 4; n++) {
      threads.at(-1)!.crash('its code ended it');
      await pass(5);
    }
    expect(escalations).toHaveLength(2);
  });
});

describe('what is lost inside of a thread', () => {
  it('is told in one letter for each kind, however much it is, and counted whole', async () => {
    const flood = fromCallback<Event>(({ receive }) => {
      receive(({ to }) => {
        for (let n = 0; n < 30_000; n++) to!.send({ type: 'drop' });
      });
    });
    const { place, pass, probe, system } = threadWorld({ flood });
    const told: (number | undefined)[] = [];
    system.deadLetters.onDeadLetter(({ reason, count }) => {
      if (reason === 'overflow-new') told.push(count);
    });
    place('flood').send({ type: 'go', to: probe().ref } as Event);
    await pass(50);
    const lost = system.deadLetters.counts()['overflow-new'];
    expect(lost).toBeGreaterThan(10_000);
    expect(told).toEqual([lost]);
  });

  it('is counted once, also of very many that an actor leaves unhandled', async () => {
    const patient = setup({ types: { events: {} as EventObject } }).createMachine({
      initial: 'busy',
      states: { busy: { meta: { defer: ['add'] } } },
    });
    const { place, settle, pass, system } = threadWorld({ patient });
    const ref = place('patient', { supervise: { shutdownMs: 0 } });
    for (let n = 1; n <= 1_000; n++) ref.send(event(n));
    await pass(50);
    await settle(ref.stop());
    await pass(50);
    expect(system.deadLetters.counts().stopped).toBe(1_000);
  });
});
