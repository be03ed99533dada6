import { logIndex, nodeId, seededRandom, term, VirtualClock } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import { appendTo, logStoreCases, openStore, repairStore, suiteEntries } from '../storage/log-store-suite.ts';
import { NodeClock } from './node-clock.ts';
import { LogImage, SimDisk } from './sim-disk.ts';
import { SimLogStore } from './sim-log-store.ts';
import { driven } from './testing/driven.ts';

const deaf = { hardState() {}, entry() {}, broken() {} };

function machine(seed: number) {
  const world = new VirtualClock();
  const disk = new SimDisk(deaf);
  const clock = new NodeClock(world, { skewMs: 0, rate: 1 });
  const random = seededRandom(seed);
  return { world, disk, store: () => new SimLogStore({ clock, world, disk, random, latencyMeanMs: 2 }) };
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

test('a log that was deleted is damaged until it is declared whole, and counts as promised for so long', async () => {
  const { world, disk, store } = machine(1);
  expect(disk.loseLog(), 'there is no log to delete').toBe(false);
  const life = store();
  await driven(world, openStore(life));
  const hardState = { term: term(3), votedFor: nodeId('a') };
  await driven(world, appendTo(life, { hardState, entries: suiteEntries(1, 5, 1) }));
  life.crash();
  expect(disk.loseLog()).toBe(true);
  for (const start of ['first', 'second']) {
    const again = store();
    const { damage, ...state } = await driven(world, openStore(again));
    expect(damage, start).toMatchObject({ lost: [], endLost: true, hardStateLost: true });
    expect([state.hardState.term, state.lastIndex]).toEqual([0, 0]);
    expect([disk.forgotten?.hardState.term, disk.forgotten?.lastIndex]).toEqual([3, 5]);
    again.crash();
  }
  const last = store();
  await driven(world, openStore(last));
  await driven(world, repairStore(last, { kind: 'cut', from: logIndex(1) }));
  await driven(world, appendTo(last, { entries: suiteEntries(1, 2, 1) }));
  const given = { term: term(4), votedFor: nodeId('b') };
  const whole = await driven(world, repairStore(last, { kind: 'whole', hardState: given }));
  expect(whole).toMatchObject({ hardState: given, lastIndex: 2, damage: undefined });
  expect(disk.forgotten).toBeUndefined();
  expect(disk.durable.hardState).toEqual(given);
});

test('entries that a compaction overtook on their way to the disk leave only what comes after it', () => {
  const image = new LogImage();
  for (const entry of suiteEntries(1, 5, 1)) image.put(entry);
  const meta = { index: logIndex(4), term: term(2), membership: { voters: [], learners: [] } };
  image.snapshot = { meta, data: new Uint8Array(0), checksum: 0 };
  image.compact(4);
  expect(image.termAt(4)).toBe(2);
  for (const entry of suiteEntries(3, 6, 2)) image.put(entry);
  expect([image.firstIndex, image.lastIndex]).toEqual([5, 6]);
  expect([4, 5, 6].map((index) => image.termAt(index))).toEqual([2, 2, 2]);
});
