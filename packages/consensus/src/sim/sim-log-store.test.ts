import { seededRandom, settled, VirtualClock } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import { appendTo, logStoreCases, openStore, suiteEntries } from '../storage/log-store-suite.ts';
import { NodeClock } from './node-clock.ts';
import { SimDisk } from './sim-disk.ts';
import { SimLogStore } from './sim-log-store.ts';

const deaf = { hardState() {}, entry() {} };

function machine(seed: number) {
  const world = new VirtualClock();
  const disk = new SimDisk(deaf);
  const clock = new NodeClock(world, { skewMs: 0, rate: 1 });
  const random = seededRandom(seed);
  return { world, disk, store: () => new SimLogStore({ clock, world, disk, random, latencyMeanMs: 2 }) };
}

/** Runs `work` to its end on virtual time. */
async function driven<T>(world: VirtualClock, work: Promise<T>): Promise<T> {
  const state = { over: false };
  const end = () => (state.over = true);
  void work.then(end, end);
  for (let idle = 0; !state.over && idle < 10; ) {
    await settled();
    if (world.step()) idle = 0;
    else idle++;
  }
  return work;
}

describe('a log store on a simulated disk', () => {
  for (const { title, run } of logStoreCases)
    test(title, () => {
      const { world, store } = machine(1);
      return driven(world, run({ store }));
    });
});

test('a crash keeps what was acknowledged, and of the write under way a prefix that chance draws', async () => {
  const left = new Set<number>();
  for (let seed = 1; seed <= 60; seed++) {
    const { world, disk, store } = machine(seed);
    const life = store();
    await driven(world, openStore(life));
    await driven(world, appendTo(life, { entries: suiteEntries(1, 5, 1) }));
    life.append({ hardState: undefined, entries: suiteEntries(6, 9, 2) }, () => {});
    expect(life.lastIndex).toBe(9);
    life.crash();
    expect(disk.durable.lastIndex).toBeGreaterThanOrEqual(5);
    left.add(disk.durable.lastIndex);
  }
  expect(left).toEqual(new Set([5, 6, 7, 8, 9]));
});
