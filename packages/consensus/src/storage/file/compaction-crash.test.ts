import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, logIndex, nodeId, term } from '@tutti/kernel';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { HardState } from '../../raft/messages.ts';
import {
  appendTo,
  closeStore,
  holds,
  openStore,
  snapshotInto,
  suiteEntries,
  suiteEntry,
} from '../log-store-suite.ts';
import type { DiskCalls } from './disk-calls.ts';
import { FileLogStore } from './file-log-store.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-compaction-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

let count = 0;
let directory = '';
beforeEach(() => {
  directory = join(root, `store-${count++}`);
});

const hardState: HardState = { term: term(3), votedFor: nodeId('n2') };
/** Entries of this size fill a segment of 4 KiB by sevens. */
const DATA_BYTES = 500;

const storeIn = (disk?: Partial<DiskCalls>, path = directory): FileLogStore =>
  new FileLogStore(
    { directory: path, clusterId: clusterId('c'), nodeId: nodeId('n1'), segmentBytes: 4096 },
    disk,
  );

const logFiles = (): string[] => fs.readdirSync(directory).filter((name) => name.endsWith('.log'));

async function appendEach(store: FileLogStore, from: number, to: number, entryTerm: number): Promise<void> {
  for (const entry of suiteEntries(from, to, entryTerm, DATA_BYTES))
    await appendTo(store, { entries: [entry] });
}

/** The first entry of the second segment, found by writing until there is one. */
async function fillOneSegment(store: FileLogStore): Promise<number> {
  for (let index = 1; ; index++) {
    await appendTo(store, { entries: [suiteEntry(index, 1, DATA_BYTES)] });
    const last = logFiles().sort().at(-1)!;
    const isUsed = fs
      .readFileSync(join(directory, last))
      .subarray(64, 104)
      .some((byte) => byte !== 0);
    if (last !== 'segment-000000000001.log' && isUsed) return index;
  }
}

test('a log whose first segment left was overwritten from before its own beginning opens again', async () => {
  const store = storeIn();
  await openStore(store);
  const second = await fillOneSegment(store);
  await appendEach(store, second + 1, second + 2, 1);
  // Another leader replaces entries back into the first segment; the replacements stand in the second.
  const kept = second - 3;
  await appendEach(store, kept + 1, kept + 4, 2);
  await snapshotInto(store, kept + 3, 2, new Uint8Array(10));
  store.compact(logIndex(second - 1));
  await closeStore(store);
  expect(logFiles()).not.toContain('segment-000000000001.log');
  const again = storeIn();
  await openStore(again);
  holds(again, again.firstIndex, suiteEntries(again.firstIndex, kept + 4, 2, DATA_BYTES));
  await closeStore(again);
});

test('a log that begins right after the snapshot is kept', async () => {
  const store = storeIn();
  await openStore(store);
  const second = await fillOneSegment(store);
  await appendEach(store, second + 1, second + 3, 1);
  await snapshotInto(store, second - 1, 1, new Uint8Array(10));
  store.compact(logIndex(second - 1));
  await closeStore(store);
  expect(logFiles()).not.toContain('segment-000000000001.log');
  const again = storeIn();
  await openStore(again);
  holds(again, second, suiteEntries(second, second + 3, 1, DATA_BYTES));
  expect(again.termAt(logIndex(second - 1))).toBe(1);
  await closeStore(again);
});

test('no segment is removed before a later one holds a write that was flushed', async () => {
  let held: (() => void) | undefined;
  let holding = false;
  const fdatasync = ((handle: number, done: fs.NoParamCallback) => {
    if (holding) held = () => fs.fdatasync(handle, done);
    else fs.fdatasync(handle, done);
  }) as typeof fs.fdatasync;
  const store = storeIn({ fdatasync });
  await openStore(store);
  await appendTo(store, { hardState, entries: suiteEntries(1, 6, 1, DATA_BYTES) });
  await snapshotInto(store, 6, 1, new Uint8Array(10));
  holding = true;
  const pending = appendTo(store, { entries: suiteEntries(7, 12, 1, DATA_BYTES) });
  const changedOver = () => held !== undefined;
  while (!changedOver()) await new Promise((resolve) => setImmediate(resolve));
  store.compact(logIndex(6));
  // What is removed is removed beside the work: a further flush on the same directory comes after it.
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  const crashed = `${directory}-crashed`;
  fs.cpSync(directory, crashed, { recursive: true });
  // The power failed before the flush: of the last segment only the header is there.
  const last = join(crashed, logFiles().sort().at(-1)!);
  fs.writeFileSync(
    last,
    Buffer.alloc(fs.statSync(last).size).fill(fs.readFileSync(last).subarray(0, 64), 0, 64),
  );
  for (const name of fs.readdirSync(crashed)) if (name.startsWith('lock')) fs.rmSync(join(crashed, name));
  const after = storeIn(undefined, crashed);
  const state = await openStore(after);
  expect(state.hardState).toEqual(hardState);
  await closeStore(after);
  holding = false;
  held!();
  await pending;
  await closeStore(store);
});
