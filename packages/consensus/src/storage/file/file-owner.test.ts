import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { clusterId, logIndex, nodeId, term } from '@tutti/kernel';
import { afterAll, expect, test } from 'vitest';
import { crc32c } from '../crc32c.ts';
import { appendTo, closeStore, holds, openStore, snapshotInto, suiteEntries } from '../log-store-suite.ts';
import type { ScrubStep } from '../scrub.ts';
import { BlockChecksums } from './block-checksums.ts';
import { nodeDisk } from './disk-calls.ts';
import { FileLogStore } from './file-log-store.ts';
import { type FileOwner, OWNER_MARK_AT, OWNER_MARK_BYTES, ownerMark, ownerMarkBytes } from './file-owner.ts';
import { endOf, headerOf, readFrame } from './snapshot-format.ts';
import { repaired } from './testing/repaired-from-peer.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-owner-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const ownerOf = (node: string, cluster = 'c'): FileOwner => ({
  clusterId: clusterId(cluster),
  nodeId: nodeId(node),
});

const storeIn = (directory: string, owner: FileOwner): FileLogStore =>
  new FileLogStore({ directory, ...owner, segmentBytes: 4096 });

const ENTRIES = suiteEntries(1, 20, 1, 500);
const CONTENTS = new Uint8Array(1000).fill(9);

/** A log of some segments, and a snapshot that covers a part of them. @returns its directory */
async function written(owner: FileOwner, snapshotIndex: number): Promise<string> {
  const directory = fs.mkdtempSync(join(root, 'store-'));
  const store = storeIn(directory, owner);
  await openStore(store);
  for (const entry of ENTRIES) await appendTo(store, { entries: [entry] });
  await appendTo(store, { hardState: { term: term(3), votedFor: nodeId('n3') } });
  await snapshotInto(store, snapshotIndex, 1, CONTENTS);
  await closeStore(store);
  return directory;
}

const filesIn = (directory: string, ending: string): string[] =>
  fs
    .readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(directory, name));

/** All that is there, but for the lock, which every start takes. */
const contentsOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    fs
      .readdirSync(directory)
      .filter((name) => !name.startsWith('lock'))
      .map((name) => [name, fs.readFileSync(join(directory, name)).toString('base64')]),
  );

async function refusesAndKeeps(directory: string, owner: FileOwner, details: object): Promise<void> {
  const before = contentsOf(directory);
  await expect(openStore(storeIn(directory, owner))).rejects.toMatchObject({
    code: 'TUTTI_STORE_FOREIGN_FILE',
    details,
  });
  expect(contentsOf(directory)).toEqual(before);
}

const segmentsTaken: Record<string, (segments: readonly string[]) => readonly string[]> = {
  'all segments': (segments) => segments,
  'the first segment': (segments) => segments.slice(0, 1),
  'the last segment': (segments) => segments.slice(-1),
};

for (const [what, taken] of Object.entries(segmentsTaken))
  test(`${what} of another node are refused with its name, and stay`, async () => {
    const ours = await written(ownerOf('n1'), 10);
    const theirs = await written(ownerOf('n2'), 10);
    const copied = taken(filesIn(theirs, '.log')).map((path) => join(ours, basename(path)));
    for (const path of copied) fs.copyFileSync(join(theirs, basename(path)), path);
    await refusesAndKeeps(ours, ownerOf('n1'), {
      file: copied[0],
      found: 'the node "n2"',
      expected: 'the node "n1" of the cluster "c"',
    });
  });

for (const [other, found] of [
  [ownerOf('n1', 'd'), 'the node "n1" of another cluster'],
  [ownerOf('a-node-with-a-long-name'), 'the node "a-node-with-a-lo..."'],
] as const)
  test(`a segment of ${found} is refused`, async () => {
    const ours = await written(ownerOf('n1'), 10);
    const [first] = filesIn(await written(other, 10), '.log');
    fs.copyFileSync(first!, join(ours, basename(first!)));
    await refusesAndKeeps(ours, ownerOf('n1'), { found });
  });

for (const index of [5, 15])
  test(`the snapshot of another node ${index < 10 ? 'before' : 'behind'} that of this one is refused, and stays`, async () => {
    const ours = await written(ownerOf('n1'), 10);
    const [theirs] = filesIn(await written(ownerOf('n2'), index), '.snap');
    const file = join(ours, basename(theirs!));
    fs.copyFileSync(theirs!, file);
    await refusesAndKeeps(ours, ownerOf('n1'), { file, found: 'the node "n2" of the cluster "c"' });
  });

/** As an earlier version wrote it. */
function withoutOwner(snapshot: string): void {
  const meta = { index: 10, term: 1, membership: { voters: ['a'], learners: [] } };
  const header = headerOf(meta);
  const blocks = new BlockChecksums();
  blocks.add(CONTENTS);
  const end = endOf(header, blocks.finish(), CONTENTS.length, crc32c(CONTENTS));
  fs.writeFileSync(snapshot, Buffer.concat([header, CONTENTS, end]));
}

async function scrubbed(store: FileLogStore): Promise<unknown> {
  for (;;) {
    const { damage, passEnded } = await new Promise<ScrubStep>((resolve, reject) => {
      store.scrub(2 ** 20, true, (failure, step) => (failure ? reject(failure) : resolve(step!)));
    });
    if (damage || passEnded) return damage;
  }
}

test('files of before, which do not say whose they are, are taken, and those that come after them say so', async () => {
  const owner = ownerOf('n1');
  const directory = await written(owner, 10);
  const before = filesIn(directory, '.log');
  for (const path of before) {
    const bytes = fs.readFileSync(path);
    fs.writeFileSync(path, bytes.fill(0, OWNER_MARK_AT, OWNER_MARK_AT + OWNER_MARK_BYTES));
  }
  const [snapshot] = filesIn(directory, '.snap');
  withoutOwner(snapshot!);
  const store = storeIn(directory, owner);
  const { damage, snapshot: found } = await openStore(store);
  expect({ damage, found }).toMatchObject({ damage: undefined, found: { index: 10 } });
  holds(store, 1, ENTRIES);
  expect(await scrubbed(store)).toBeUndefined();
  await appendTo(store, { entries: suiteEntries(21, 40, 3, 500) });
  await snapshotInto(store, 30, 3, CONTENTS);
  store.compact(logIndex(20));
  await closeStore(store);
  const after = filesIn(directory, '.log').filter((path) => !before.includes(path));
  expect(after.length).toBeGreaterThan(0);
  for (const path of after) expect(markIn(path)).toEqual(ownerMark(sequenceOf(path), owner));
  const [now] = filesIn(directory, '.snap');
  const disk = nodeDisk();
  const handle = disk.openSync(now!, 'r');
  expect(readFrame(disk, now!, handle).head).toMatchObject({ index: 30, owner });
  disk.closeSync(handle);
});

const sequenceOf = (path: string): number => Number(/(\d+)\.log$/.exec(path)![1]);
const markIn = (path: string): Buffer => ownerMarkBytes(fs.readFileSync(path));

test('a bit that turned in what a segment says of its owner makes it say nothing', async () => {
  const owner = ownerOf('n1');
  const directory = await written(owner, 10);
  const [path] = filesIn(directory, '.log');
  const whole = fs.readFileSync(path!);
  for (let bit = 0; bit < 8 * OWNER_MARK_BYTES; bit++) {
    const bytes = Buffer.from(whole);
    bytes[OWNER_MARK_AT + (bit >> 3)]! ^= 1 << (bit & 7);
    fs.writeFileSync(path!, bytes);
    const store = storeIn(directory, owner);
    expect((await openStore(store)).damage, `bit ${bit}`).toBeUndefined();
    holds(store, 1, ENTRIES);
    await closeStore(store);
  }
});

test('a segment that is written anew still says whose it is', async () => {
  const owner = ownerOf('n1');
  const directory = await written(owner, 10);
  // Nothing else makes up for what it lacks.
  fs.rmSync(filesIn(directory, '.snap')[0]!);
  const [path] = filesIn(directory, '.log');
  const bytes = fs.readFileSync(path!);
  fs.writeFileSync(path!, bytes.fill(0xee, 800, 1_200));
  const store = storeIn(directory, owner);
  const opened = await openStore(store);
  expect(opened.damage?.lost).toHaveLength(1);
  await repaired(store, opened, { entries: ENTRIES });
  await closeStore(store);
  expect(fs.readFileSync(path!).equals(bytes)).toBe(false);
  expect(markIn(path!)).toEqual(ownerMark(1, owner));
});
