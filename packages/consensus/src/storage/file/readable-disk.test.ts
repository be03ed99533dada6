import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, isTuttiError, logIndex, nodeId, term } from '@tutti/kernel';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { appendTo, closeStore, holds, openStore, snapshotInto, suiteEntries } from '../log-store-suite.ts';
import type { ScrubStep } from '../scrub.ts';
import { type DiskCalls, nodeDisk } from './disk-calls.ts';
import { FileLogStore } from './file-log-store.ts';
import { readableDisk } from './readable-disk.ts';
import { repaired } from './testing/repaired-from-peer.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-unreadable-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

let directory = '';
beforeEach(() => {
  directory = fs.mkdtempSync(join(root, 'store-'));
});

const BLOCK = 4096;

/** Node's calls, to which one block of one file is unreadable: the file's, not that of another put in its place. */
class SickDisk {
  #inode = -1;
  #at = 0;
  readonly calls: DiskCalls;

  constructor() {
    const sound = nodeDisk();
    const failure = (): Error => Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
    const isSick = (handle: number, length: number, position: number): boolean =>
      fs.fstatSync(handle).ino === this.#inode && position < this.#at + BLOCK && position + length > this.#at;
    this.calls = {
      ...sound,
      read: (handle, into, offset, length, position, done) => {
        if (isSick(handle, length, position)) setImmediate(() => done(failure(), 0));
        else sound.read(handle, into, offset, length, position, done);
      },
      readSync: (handle, into, offset, length, position) => {
        if (isSick(handle, length, position)) throw failure();
        return sound.readSync(handle, into, offset, length, position);
      },
      readFileSync: (path) => {
        if (fs.statSync(path).ino === this.#inode) throw failure();
        return sound.readFileSync(path);
      },
    };
  }

  /** The block that holds the byte `at` of this file cannot be read from now on. */
  lose(path: string, at: number): void {
    this.#inode = fs.statSync(path).ino;
    this.#at = at - (at % BLOCK);
  }
}

const storeOn = ({ calls }: SickDisk): FileLogStore => {
  const owner = { clusterId: clusterId('c'), nodeId: nodeId('n1') };
  return new FileLogStore({ directory, ...owner, segmentBytes: 64 * 1024, cacheBytes: 0 }, calls);
};

const entries = suiteEntries(1, 30, 1, 1_000);
const segment = (): string => join(directory, 'segment-000000000001.log');

async function written(store: FileLogStore): Promise<void> {
  await openStore(store);
  for (const entry of entries) await appendTo(store, { entries: [entry] });
}

test('what cannot be read is found in every length and at every place, and nothing else', () => {
  const path = join(directory, 'file');
  const contents = Buffer.alloc(5 * BLOCK + 100).map((_, at) => at % 251);
  fs.writeFileSync(path, contents);
  for (const lost of [0, 2 * BLOCK + 5, 5 * BLOCK + 1]) {
    const disk = new SickDisk();
    disk.lose(path, lost);
    const from = lost - (lost % BLOCK);
    const expected = Buffer.from(contents);
    expected.subarray(from, from + BLOCK).fill(0xff);
    expect(readableDisk(disk.calls).readFileSync(path).equals(expected), `byte ${lost}`).toBe(true);
  }
});

test('a block of the log that the disk refuses is damage, and is put right from a peer', async () => {
  const disk = new SickDisk();
  const store = storeOn(disk);
  await written(store);
  await closeStore(store);
  disk.lose(segment(), 12_000);
  const again = storeOn(disk);
  const opened = await openStore(again);
  expect(isTuttiError(opened.damage?.failure, 'TUTTI_STORE_CORRUPT')).toBe(true);
  expect(opened.damage).toMatchObject({ endLost: false });
  await repaired(again, opened, { entries });
  holds(again, 1, entries);
  await closeStore(again);
  const third = storeOn(disk);
  expect((await openStore(third)).damage).toBeUndefined();
  await closeStore(third);
});

test('one of a store in use is found when it is read again, and is mended', async () => {
  const disk = new SickDisk();
  const store = storeOn(disk);
  await written(store);
  disk.lose(segment(), 12_000);
  expect(() => store.entries(logIndex(1), logIndex(30), Infinity)).toThrow(
    expect.objectContaining({ code: 'TUTTI_STORE_CORRUPT' }),
  );
  const scrub = (): Promise<ScrubStep> =>
    new Promise((resolve, reject) => {
      store.scrub(8 * 1024, false, (failure, step) => (failure ? reject(failure) : resolve(step!)));
    });
  let step = await scrub();
  for (let steps = 0; !step.damage && steps < 20; steps++) step = await scrub();
  expect(step.damage?.part).toBe('log');
  await new Promise<void>((resolve, reject) => {
    store.mend(entries, (failure, still) => (failure || still ? reject(failure ?? still) : resolve()));
  });
  holds(store, 1, entries);
  await closeStore(store);
});

test('one of a snapshot is damage to the snapshot', async () => {
  const disk = new SickDisk();
  const store = storeOn(disk);
  await written(store);
  await appendTo(store, { hardState: { term: term(1), votedFor: nodeId('n1') } });
  await snapshotInto(store, 20, 1, new Uint8Array(100_000).fill(7));
  await closeStore(store);
  const name = fs.readdirSync(directory).find((file) => file.endsWith('.snap'));
  disk.lose(join(directory, name!), 50_000);
  const again = storeOn(disk);
  const { snapshot } = await openStore(again);
  expect(snapshot).toBeUndefined();
  await closeStore(again);
});
