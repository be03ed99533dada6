import { queryObjects } from 'node:v8';
import { describe, expect, test, vi } from 'vitest';
import { createMachine, type EventObject, fromTransition } from 'xstate';
import { ActorCell } from '../actor/actor-cell.ts';
import type { Ref } from '../actor/ref.ts';
import { HostedSelf } from '../actor/xstate-self.ts';
import { Mailbox } from '../mailbox/mailbox.ts';
import { supervisor } from '../supervision/supervisor.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { LocalActorSystem } from './local-actor-system.ts';
import { LocalRef } from './local-ref.ts';

const idle = fromTransition((count: number, event: EventObject) => {
  if (event.type === 'fail') throw new Error('failed');
  return count + 1;
}, 0);

const cellOf = (ref: unknown): ActorCell => {
  if (ref instanceof LocalRef && ref.cell) return ref.cell;
  throw new Error('not local');
};

describe('a tree of depth 100,000', () => {
  function chain(logic: typeof idle) {
    const { system, advance, escalations } = createTestSystem();
    const top: Ref = system.spawn(logic, { id: 'top' });
    let last = top;
    for (let i = 1; i < 100_000; i++) last = system.spawn(logic, { parent: last });
    advance();
    expect(system.actorCount).toBe(100_000);
    return { system, advance, top, last, escalations };
  }

  test('stops from the top, the deepest first', async () => {
    const { system, advance } = chain(idle);
    const stopped = system.stop();
    advance();
    await stopped;
    expect(system.actorCount).toBe(0);
  });

  test('goes down when its top fails, and that is started again alone', () => {
    const { system, advance, top, escalations } = chain(idle);
    top.send({ type: 'fail' });
    advance();
    expect([system.actorCount, escalations.length]).toEqual([1, 0]);
  });

  test('is ended by force when its deadline is over', () => {
    const { system, advance, top } = chain(idle);
    const keeper = { restore: () => undefined, commit: () => new Promise<void>(() => {}) };
    system.spawn(idle, { parent: top, keeper, supervise: { shutdownMs: Infinity } });
    advance();
    void top.stop();
    advance(5_000);
    expect(system.actorCount).toBe(0);
  });

  test('of supervisors, each the only child of the one above, starts and stops', async () => {
    const { system, advance } = createTestSystem();
    let logic = supervisor({ children: [{ id: 'leaf', logic: idle }] });
    for (let i = 1; i < 20_000; i++) logic = supervisor({ children: [{ id: 'c', logic }] });
    system.spawn(logic, { id: 'top' });
    advance();
    expect(system.actorCount).toBe(20_001);
    const stopped = system.stop();
    advance();
    await stopped;
    expect(system.actorCount).toBe(0);
  });
});

describe('what one child costs does not depend on how many there are', () => {
  /** Turns given to actors, and walks over the children, while one child is spawned, restarted and stopped. */
  function stepsWith(siblings: number): { turns: number; walks: number } {
    const { system, advance } = createTestSystem();
    if (!(system instanceof LocalActorSystem)) throw new Error('not local');
    const parent = system.spawn(idle, { id: 'parent' });
    for (let i = 0; i < siblings; i++) system.spawn(idle, { parent });
    advance();
    const children = cellOf(parent).children!;
    const walks = [
      vi.spyOn(children, 'values'),
      vi.spyOn(children, 'keys'),
      vi.spyOn(children, 'entries'),
      vi.spyOn(children, 'forEach'),
      vi.spyOn(children, Symbol.iterator),
    ];
    const ready = vi.spyOn(system.queue, 'ready');
    const one = system.spawn(idle, { parent });
    advance();
    one.send({ type: 'fail' });
    advance();
    void one.stop();
    advance();
    expect(children.size).toBe(siblings);
    return {
      turns: ready.mock.calls.length,
      walks: walks.reduce((sum, spy) => sum + spy.mock.calls.length, 0),
    };
  }

  test('10 siblings or 20,000: the same turns, and nobody counts them', () => {
    const few = stepsWith(10);
    expect(few.walks).toBe(0);
    expect(stepsWith(20_000)).toEqual(few);
  });
});

/** `npm run test:scale` sets it to 50, which makes these a million actors and fifty million messages. */
const SCALE = Number(process.env['TUTTI_SCALE'] ?? 1);
/** What the heap may differ by for other reasons: code that was compiled meanwhile, and what the runner keeps. */
const HEAP_SLACK_BYTES = 4_000_000;

/** The heap after a collection, and how it grows from then on; without `--expose-gc` nothing is measured. */
function heapWatch(what: string): () => void {
  const collect = globalThis.gc;
  if (!collect) return () => {};
  const used = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  return () => {
    const after = used();
    process.stdout.write(`heap after ${what}: ${before} bytes before, ${after} after\n`);
    expect(after - before).toBeLessThan(HEAP_SLACK_BYTES);
  };
}

describe('nothing stays behind', () => {
  const live = (constructor: new (...args: never[]) => object): number =>
    queryObjects(constructor, { format: 'count' });

  test('after 20,000 actors and more that came, worked, failed and went', async () => {
    const { system, advance, clock } = createTestSystem();
    const machine = createMachine({
      initial: 'a',
      states: { a: { after: { 1_000: 'b' }, meta: { defer: ['LATER'] }, on: { GO: 'b' } }, b: {} },
    });
    const cycle = async (times: number) => {
      for (let i = 0; i < times; i++) {
        const reducer = system.spawn(idle);
        const hosted = system.spawn(machine);
        for (const type of ['work', 'fail', 'work']) reducer.send({ type });
        for (const type of ['LATER', 'GO']) hosted.send({ type });
        const ends = [reducer.stop(), hosted.stop()];
        advance();
        await Promise.all(ends);
      }
    };
    await cycle(1_000);
    const heapIsFlat = heapWatch(`${20_000 * SCALE} actors that came and went`);
    const counts = () => [ActorCell, HostedSelf, Mailbox].map(live);
    const before = counts();
    await cycle(10_000 * SCALE);
    heapIsFlat();
    expect(counts()).toEqual(before);
    expect([system.actorCount, system.pendingAsks, clock.nextAt()]).toEqual([0, 0, undefined]);
  });

  test('after 1,000,000 messages', () => {
    const { system, advance } = createTestSystem();
    let handled = 0;
    const counting = fromTransition(() => void handled++, undefined);
    const refs = Array.from({ length: 100 }, () => system.spawn(counting));
    const round = () => {
      for (let i = 0; i < 100; i++) for (const ref of refs) ref.send({ type: 'work' });
      advance();
    };
    round();
    const before = live(Mailbox);
    const heapIsFlat = heapWatch(`${1_000_000 * SCALE} messages`);
    for (let i = 1; i < 100 * SCALE; i++) round();
    expect(handled).toBe(1_000_000 * SCALE);
    heapIsFlat();
    expect(live(Mailbox)).toBe(before);
  });
});
