import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, nodeId } from '@tutti/kernel';
import { expect, onTestFinished, test } from 'vitest';
import type { Entry } from '../../raft/messages.ts';
import { appendTo, closeStore, holds, openStore, suiteEntries } from '../log-store-suite.ts';
import type { ScrubDamage, ScrubStep } from '../scrub.ts';
import { type DiskCalls, nodeDisk } from './disk-calls.ts';
import { FileLogStore } from './file-log-store.ts';
import { SLICE_BYTES } from './in-slices.ts';

const SEGMENT_BYTES = 10 * 2 ** 20;

/** Node's calls, which remember how much was read at once while somebody could have been waiting. */
function watchedDisk(): { disk: DiskCalls; most: () => number; turns: () => number } {
  const calls = nodeDisk();
  let most = 0;
  let turns = 0;
  const disk: DiskCalls = {
    ...calls,
    readFileSync: (path) => {
      const bytes = calls.readFileSync(path);
      if (path.endsWith('.log')) most = Math.max(most, bytes.length);
      return bytes;
    },
    read: (handle, into, offset, length, position, done) => {
      most = Math.max(most, length);
      calls.read(handle, into, offset, length, position, done);
    },
    nextTurn: (action) => {
      turns++;
      calls.nextTurn(action);
    },
  };
  return {
    disk,
    most: () => {
      const found = most;
      most = 0;
      return found;
    },
    turns: () => {
      const found = turns;
      turns = 0;
      return found;
    },
  };
}

const scrub = (store: FileLogStore): Promise<ScrubStep> =>
  new Promise((resolve, reject) => {
    store.scrub(64 * 1024, false, (failure, step) => (failure ? reject(failure) : resolve(step!)));
  });

test('a large segment is looked at and written anew in slices, so that the loop goes on', async () => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'tutti-slices-'));
  onTestFinished(() => fs.rmSync(directory, { recursive: true, force: true }));
  const { disk, most, turns } = watchedDisk();
  const owner = { clusterId: clusterId('c'), nodeId: nodeId('n1') };
  const store = new FileLogStore({ directory, ...owner, segmentBytes: SEGMENT_BYTES, cacheBytes: 0 }, disk);
  await openStore(store);
  const all: Entry[] = [];
  for (let batch = 0; batch < 20; batch++) {
    const entries = suiteEntries(all.length + 1, all.length + 100, 1, 4_000);
    await appendTo(store, { entries });
    all.push(...entries);
  }
  const path = join(directory, 'segment-000000000001.log');
  const handle = fs.openSync(path, 'r+');
  for (const at of [1_000_000, 5_000_000]) fs.writeSync(handle, Buffer.alloc(600, 0xa5), 0, 600, at);
  fs.closeSync(handle);
  most();
  turns();
  let damage: ScrubDamage | undefined;
  while (!damage) ({ damage } = await scrub(store));
  const isLost = ({ index }: Entry): boolean =>
    damage.lost.some(({ from, to }) => index >= from && index <= to);
  const still = await new Promise((resolve, reject) => {
    store.mend(all.filter(isLost), (failure, left) => (failure ? reject(failure) : resolve(left)));
  });
  expect(still).toBeUndefined();
  expect(most()).toBeLessThanOrEqual(SLICE_BYTES);
  // It is gone through twice to find what is damaged, and once to write it.
  expect(turns()).toBeGreaterThanOrEqual(3 * Math.floor((all.length * 4_000) / SLICE_BYTES));
  holds(store, 1, all);
  await closeStore(store);
  expect((await openStore(store)).damage).toBeUndefined();
  holds(store, 1, all);
  await closeStore(store);
});

test('a new segment gets its name, and its folder is flushed, while the loop goes on', async () => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'tutti-slices-'));
  onTestFinished(() => fs.rmSync(directory, { recursive: true, force: true }));
  const calls = nodeDisk();
  const atOnce: string[] = [];
  const disk: Partial<DiskCalls> = {
    fsyncSync: (handle) => {
      atOnce.push('fsyncSync');
      calls.fsyncSync(handle);
    },
    renameSync: (from, to) => {
      atOnce.push('renameSync');
      calls.renameSync(from, to);
    },
  };
  const owner = { clusterId: clusterId('c'), nodeId: nodeId('n1') };
  const store = new FileLogStore({ directory, ...owner, segmentBytes: 4096 }, disk);
  await openStore(store);
  atOnce.length = 0;
  for (const entry of suiteEntries(1, 20, 1, 500)) await appendTo(store, { entries: [entry] });
  expect(fs.readdirSync(directory).filter((name) => name.endsWith('.log')).length).toBeGreaterThan(2);
  expect(atOnce).toEqual([]);
  await closeStore(store);
});
