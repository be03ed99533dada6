import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, nodeId, term } from '@tutti/kernel';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { appendTo, closeStore, holds, openStore, suiteEntries, suiteEntry } from '../log-store-suite.ts';
import { FileLogStore } from './file-log-store.ts';
import { FLUSH_MARK_AT, FLUSH_MARK_BYTES } from './flush-mark.ts';
import { SEGMENT_HEADER_BYTES } from './segment.ts';
import { repaired } from './testing/repaired-from-peer.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-lost-end-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

let directory = '';
beforeEach(() => {
  directory = fs.mkdtempSync(join(root, 'store-'));
});

const storeIn = (): FileLogStore =>
  new FileLogStore({ directory, clusterId: clusterId('c'), nodeId: nodeId('n1'), segmentBytes: 4096 });

/** The segments that hold something, oldest first; those that were made ready are removed. */
function usedSegments(): string[] {
  const names = fs.readdirSync(directory).filter((name) => name.endsWith('.log'));
  const paths = names.sort().map((name) => join(directory, name));
  return paths.filter((path) => {
    const isUsed = fs.readFileSync(path).some((byte, at) => at >= SEGMENT_HEADER_BYTES && byte !== 0);
    if (!isUsed) fs.rmSync(path);
    return isUsed;
  });
}

/** A log of some segments, whose last write is a vote. */
async function written(count: number): Promise<void> {
  const store = storeIn();
  await openStore(store);
  for (const entry of suiteEntries(1, count, 1, 500)) await appendTo(store, { entries: [entry] });
  await appendTo(store, { hardState: { term: term(3), votedFor: nodeId('n3') } });
  await closeStore(store);
}

const losses: Record<string, (path: string) => void> = {
  'was removed': (path) => fs.rmSync(path),
  'was emptied': (path) => fs.writeFileSync(path, ''),
  'reads as zeros': (path) => fs.writeFileSync(path, Buffer.alloc(fs.statSync(path).size)),
};

for (const [what, lose] of Object.entries(losses))
  test(`a last segment that ${what} is a lost end, and is put right from a peer`, async () => {
    await written(20);
    const used = usedSegments();
    expect(used.length).toBeGreaterThan(2);
    lose(used.at(-1)!);
    const store = storeIn();
    const opened = await openStore(store);
    expect(opened.damage).toMatchObject({ endLost: true, hardStateLost: true });
    const entries = suiteEntries(1, 20, 1, 500);
    await repaired(store, opened, { entries });
    holds(store, 1, entries);
    await appendTo(store, { entries: [suiteEntry(21, 9)] });
    await closeStore(store);
    const again = storeIn();
    expect((await openStore(again)).damage).toBeUndefined();
    holds(again, 1, [...entries, suiteEntry(21, 9)]);
    await closeStore(again);
  });

test('a last segment that is lost after a start which found it is a lost end as well', async () => {
  await written(20);
  const [last, before] = usedSegments().toReversed();
  // As a crash between the first flush of a segment and the note of it in the one before leaves them.
  const bytes = fs.readFileSync(before!);
  bytes.fill(0, FLUSH_MARK_AT, FLUSH_MARK_AT + FLUSH_MARK_BYTES);
  fs.writeFileSync(before!, bytes);
  const store = storeIn();
  await openStore(store);
  await closeStore(store);
  fs.rmSync(last!);
  for (const name of fs.readdirSync(directory))
    if (name.endsWith('.log') && join(directory, name) > last!) fs.rmSync(join(directory, name));
  const again = storeIn();
  expect((await openStore(again)).damage).toMatchObject({ endLost: true, hardStateLost: true });
  await closeStore(again);
});

for (const what of ['was emptied', 'reads as zeros'])
  test(`a log of one segment that ${what} is no beginning, and its file stays`, async () => {
    await written(2);
    const [only, ...others] = usedSegments();
    expect(others).toEqual([]);
    losses[what]!(only!);
    const store = storeIn();
    const opened = await openStore(store);
    expect(opened.damage).toMatchObject({ endLost: true, hardStateLost: true });
    expect(fs.existsSync(only!)).toBe(true);
    await repaired(store, opened, { entries: suiteEntries(1, 2, 1, 500) });
    holds(store, 1, suiteEntries(1, 2, 1, 500));
    await closeStore(store);
    const again = storeIn();
    expect((await openStore(again)).damage).toBeUndefined();
    holds(again, 1, suiteEntries(1, 2, 1, 500));
    await closeStore(again);
  });

test('a header that has rotted where it says whose it is costs nothing but the write that a crash tore', async () => {
  await written(2);
  const [only] = usedSegments();
  const bytes = fs.readFileSync(only!);
  // As a process leaves it that is killed in the middle of a write: nothing was noted after the last one.
  bytes.fill(0, FLUSH_MARK_AT, FLUSH_MARK_AT + FLUSH_MARK_BYTES);
  bytes[3]! ^= 1;
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  bytes.fill(0xff, Math.ceil(end / 8) * 8, Math.ceil(end / 8) * 8 + 24);
  fs.writeFileSync(only!, bytes);
  const store = storeIn();
  expect(await openStore(store)).toMatchObject({ damage: undefined, hardState: { term: 3 } });
  holds(store, 1, suiteEntries(1, 2, 1, 500));
  await closeStore(store);
});
