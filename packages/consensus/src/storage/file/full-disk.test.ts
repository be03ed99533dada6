import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, isTuttiError, logIndex, nodeId, term } from '@tutti/kernel';
import { afterAll, beforeEach, expect, test } from 'vitest';
import {
  appendTo,
  closeStore,
  holds,
  openStore,
  repairStore,
  snapshotInto,
  suiteEntries,
  suiteEntry,
} from '../log-store-suite.ts';
import type { DiskCalls } from './disk-calls.ts';
import { FileLogStore } from './file-log-store.ts';
import { FLUSH_MARK_AT, flushMarkIn } from './flush-mark.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-full-'));
let mount: string | undefined;
afterAll(() => {
  if (mount !== undefined) execFileSync('umount', [mount]);
  fs.rmSync(root, { recursive: true, force: true });
});

let count = 0;
let directory = '';
beforeEach(() => {
  directory = join(root, `store-${count++}`);
});

/** A disk that has room for files to grow by so many bytes. What has been allocated can be written over. */
class Quota {
  left = Infinity;
  readonly #growing = new Set<number>();

  readonly open = ((
    path: string,
    flags: string,
    done: (failure: Error | null, handle: number) => void,
  ): void =>
    fs.open(path, flags, (failure, handle) => {
      if (!failure && flags === 'w') this.#growing.add(handle);
      done(failure, handle);
    })) as DiskCalls['open'];

  readonly close = ((handle: number, done: (failure: Error | null | undefined) => void): void => {
    this.#growing.delete(handle);
    fs.close(handle, done);
  }) as DiskCalls['close'];

  readonly write = ((...args: unknown[]): void => {
    const [handle, , , bytes] = args as [number, unknown, unknown, number];
    const done = args.at(-1) as (failure: Error | null, written: number) => void;
    if (bytes > this.left && this.#growing.has(handle)) {
      setImmediate(done, Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }), 0);
      return;
    }
    if (this.#growing.has(handle)) this.left -= bytes;
    Reflect.apply(fs.write, fs, args);
  }) as DiskCalls['write'];
}

/** Counts the calls that the disk has not answered: on a busy machine no number of turns is enough. */
let underWay = 0;
const ASYNC_CALLS = ['open', 'close', 'read', 'write', 'rename', 'fsync', 'fdatasync', 'rm'] as const;

function counted(disk: Partial<DiskCalls>): Partial<DiskCalls> {
  const calls = ASYNC_CALLS.map((name) => {
    const call = (disk[name] ?? fs[name]) as (...args: unknown[]) => void;
    const counting = (...args: unknown[]): void => {
      const done = args.pop() as (...answer: unknown[]) => void;
      underWay++;
      call(...args, (...answer: unknown[]) => {
        underWay--;
        done(...answer);
      });
    };
    return [name, counting] as const;
  });
  return { ...disk, ...Object.fromEntries(calls) };
}

const storeOn = (disk: Partial<DiskCalls> = {}): FileLogStore =>
  new FileLogStore(
    { directory, clusterId: clusterId('c'), nodeId: nodeId('n1'), segmentBytes: 4096 },
    counted(disk),
  );

const callsOf = ({ open, close, write }: Quota): Partial<DiskCalls> => ({ open, close, write });

/** Lets everything that the store has begun come to its end. */
async function settled(): Promise<void> {
  for (let quiet = 0; quiet < 10; quiet = underWay > 0 ? 0 : quiet + 1)
    await new Promise((resolve) => setImmediate(resolve));
}

test('a full disk is noticed before anything has to wait, and what was taken is written', async () => {
  const quota = new Quota();
  const store = storeOn(callsOf(quota));
  await openStore(store);
  await appendTo(store, { entries: [suiteEntry(1, 1, 500)] });
  expect(store.checkRoom()).toBe(true);
  quota.left = 0;
  let last = 1;
  for (; store.checkRoom(); last++) {
    await appendTo(store, { entries: [suiteEntry(last + 1, 1, 500)] });
    await settled();
  }
  // Half a segment is left for votes and terms: some forty of them.
  for (let value = 2; value < 12; value++)
    await appendTo(store, { hardState: { term: term(value), votedFor: nodeId('n2') } });
  await closeStore(store);
  const again = storeOn();
  expect((await openStore(again)).hardState).toEqual({ term: 11, votedFor: 'n2' });
  holds(again, 1, suiteEntries(1, last, 1, 500));
  await closeStore(again);
});

test('what does not fit waits, is written when there is space, and has not poisoned the store', async () => {
  for (let left = 0; left < 8_000; left += 1_500) {
    directory = join(root, `quota-${left}`);
    const quota = new Quota();
    const store = storeOn(callsOf(quota));
    await openStore(store);
    await appendTo(store, { entries: [suiteEntry(1, 1, 500)] });
    quota.left = left;
    const written: number[] = [];
    const writes = suiteEntries(2, 40, 1, 500).map((entry) =>
      appendTo(store, { entries: [entry] }).then(() => written.push(Number(entry.index))),
    );
    while (store.checkRoom()) await settled();
    expect(written.length).toBeLessThan(39);
    quota.left = Infinity;
    while (!store.checkRoom()) await settled();
    await Promise.all(writes);
    expect(written).toEqual(Array.from({ length: 39 }, (_, i) => i + 2));
    await closeStore(store);
    const again = storeOn();
    await openStore(again);
    holds(again, 1, suiteEntries(1, 40, 1, 500));
    await closeStore(again);
  }
});

test('what waits for space when the store is closed is refused by code, and the rest is whole', async () => {
  const quota = new Quota();
  const store = storeOn(callsOf(quota));
  await openStore(store);
  await appendTo(store, { entries: [suiteEntry(1, 1, 500)] });
  quota.left = 0;
  const late = appendTo(store, { entries: suiteEntries(2, 20, 1, 500) }).catch((thrown: unknown) => thrown);
  await settled();
  await closeStore(store);
  expect(isTuttiError(await late, 'TUTTI_STORE_FULL')).toBe(true);
  const again = storeOn();
  await openStore(again);
  holds(again, 1, [suiteEntry(1, 1, 500)]);
  await closeStore(again);
});

test('a log that has to begin anew when it is opened, and finds no space for that, is refused by code until there is some', async () => {
  const quota = new Quota();
  const store = storeOn(callsOf(quota));
  await openStore(store);
  await appendTo(store, { entries: suiteEntries(1, 5, 1) });
  await snapshotInto(store, 8, 2, new Uint8Array(100));
  await closeStore(store);
  quota.left = 0;
  const refused = storeOn(callsOf(quota));
  const failure: unknown = await openStore(refused).catch((thrown: unknown) => thrown);
  expect(isTuttiError(failure, 'TUTTI_STORE_FULL')).toBe(true);
  await closeStore(refused);
  quota.left = Infinity;
  const again = storeOn(callsOf(quota));
  expect((await openStore(again)).lastIndex).toBe(8);
  await appendTo(again, { entries: [suiteEntry(9, 2)] });
  await closeStore(again);
});

test('a hole for whose closing there is no space is closed when there is some', async () => {
  const quota = new Quota();
  const store = storeOn(callsOf(quota));
  await openStore(store);
  const entries = suiteEntries(1, 5, 1, 100);
  for (const entry of entries) await appendTo(store, { entries: [entry] });
  await closeStore(store);
  const path = join(directory, fs.readdirSync(directory).find((name) => name.endsWith('.log'))!);
  const bytes = fs.readFileSync(path);
  bytes[bytes.indexOf(entries[2]!.data)]! ^= 0x5a;
  fs.writeFileSync(path, bytes);
  const again = storeOn(callsOf(quota));
  expect((await openStore(again)).damage?.lost).toMatchObject([{ from: 3, to: 3 }]);
  const step = { kind: 'entries', entries: [entries[2]!] } as const;
  quota.left = 0;
  for (let i = 0; i < 3; i++)
    await expect(repairStore(again, step)).rejects.toMatchObject({ code: 'TUTTI_STORE_FULL' });
  quota.left = Infinity;
  expect((await repairStore(again, step)).damage).toBeUndefined();
  holds(again, 1, entries);
  await closeStore(again);
});

test('a directory that has no space for a lock is refused by code', async () => {
  const { writeFileSync } = fs;
  let isSpace = false;
  const disk: Partial<DiskCalls> = {
    writeFileSync: (path, text) => {
      if (!isSpace) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
      writeFileSync(path, text);
    },
  };
  const refused: unknown = await openStore(storeOn(disk)).catch((thrown: unknown) => thrown);
  expect(isTuttiError(refused, 'TUTTI_STORE_FULL')).toBe(true);
  isSpace = true;
  const store = storeOn(disk);
  await openStore(store);
  await closeStore(store);
});

/** A real file system of this size; undefined where this user may not mount one. */
function mounted(sizeKiB: number): string | undefined {
  const path = join(root, 'mount');
  fs.mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKiB}k`, 'tmpfs', path], { stdio: 'ignore' });
    return path;
  } catch {
    return undefined;
  }
}

test('a real file system that is full heals without the store being opened again', async ({ skip }) => {
  mount = mounted(64);
  skip(mount === undefined, 'a tmpfs may not be mounted here');
  if (mount === undefined) return;
  directory = join(mount, 'log');
  const store = storeOn();
  await openStore(store);
  fs.writeFileSync(join(mount, 'ballast'), Buffer.alloc(40 * 1024));
  let last = 0;
  while (store.checkRoom()) {
    await appendTo(store, { entries: [suiteEntry(++last, 1, 500)] });
    await settled();
  }
  await appendTo(store, { hardState: { term: term(2), votedFor: nodeId('n2') } });
  fs.rmSync(join(mount, 'ballast'));
  while (!store.checkRoom()) await settled();
  for (let i = 0; i < 10; i++) await appendTo(store, { entries: [suiteEntry(++last, 2, 500)] });
  expect(store.lastIndex).toBe(last);
  await closeStore(store);
});

test('a snapshot that the disk has no room for leaves the one before and the log as they were', async () => {
  const quota = new Quota();
  const store = storeOn(callsOf(quota));
  await openStore(store);
  await appendTo(store, { entries: suiteEntries(1, 5, 1) });
  await snapshotInto(store, 3, 1, new Uint8Array(100));
  // Within the contents, and within what is written around them at the end.
  for (quota.left of [1_000, 5_001])
    await expect(snapshotInto(store, 5, 1, new Uint8Array(5_000))).rejects.toMatchObject({
      code: 'TUTTI_STORE_FULL',
    });
  expect(fs.readdirSync(directory).filter((name) => name.includes('.snap.'))).toEqual([]);
  expect(store.snapshot()?.meta.index).toBe(3);
  quota.left = Infinity;
  await appendTo(store, { entries: [suiteEntry(6, 1)] });
  await snapshotInto(store, 6, 1, new Uint8Array(5_000));
  await closeStore(store);
  const again = storeOn();
  await openStore(again);
  expect(again.snapshot()?.meta.index).toBe(6);
  expect(again.entries(logIndex(1), logIndex(6), Infinity)).toHaveLength(6);
  await closeStore(again);
});

test('a snapshot that cannot be given its name leaves nothing behind', async () => {
  for (const call of ['open', 'rename'] as const) {
    directory = join(root, `unnamed-${call}`);
    let fails = false;
    const failing = (...args: unknown[]): void => {
      const isMeant = fails && String(args[0]).endsWith('.tmp') && (call === 'rename' || args[1] === 'r');
      if (!isMeant) return Reflect.apply(fs[call], fs, args) as undefined;
      fails = false;
      setImmediate(args.at(-1) as (failure: Error) => void, Object.assign(new Error('EIO'), { code: 'EIO' }));
    };
    const store = storeOn({ [call]: failing });
    await openStore(store);
    await appendTo(store, { entries: suiteEntries(1, 5, 1) });
    fails = true;
    await expect(snapshotInto(store, 3, 1, new Uint8Array(100)), call).rejects.toThrow('EIO');
    expect(
      fs.readdirSync(directory).filter((name) => name.includes('.snap')),
      call,
    ).toEqual([]);
    await snapshotInto(store, 3, 1, new Uint8Array(100));
    expect(store.snapshot()?.meta.index).toBe(3);
    await closeStore(store);
  }
});

test('a log whose name was lost is nobody’s, and is refused as it is', async () => {
  const store = storeOn();
  await openStore(store);
  await appendTo(store, { entries: [suiteEntry(1, 1)] });
  await closeStore(store);
  for (const contents of [undefined, 'null', '"x"', '{', '{}']) {
    for (const name of ['meta.json', 'meta.copy.json'])
      if (contents === undefined) fs.rmSync(join(directory, name));
      else fs.writeFileSync(join(directory, name), contents);
    const failure: unknown = await openStore(storeOn()).catch((thrown: unknown) => thrown);
    expect(isTuttiError(failure, 'TUTTI_STORE_CORRUPT'), `with ${contents}`).toBe(true);
  }
});

/** A disk that has too little of something for so many calls of one kind. */
function shortOf(code: string, call: 'write' | 'open', concerns: (args: readonly unknown[]) => boolean) {
  const state = { left: 0, refused: 0 };
  const calls = (...args: unknown[]): void => {
    if (state.left === 0 || !concerns(args)) return void Reflect.apply(fs[call], fs, args);
    state.left--;
    state.refused++;
    const done = args.at(-1) as (failure: Error, none: number) => void;
    setImmediate(() => done(Object.assign(new Error(code), { code }), 0));
  };
  return { state, disk: { [call]: calls } as Partial<DiskCalls> };
}

/** Batches are told by their place: what stands in the header of a segment is a note. */
const isBatch = (args: readonly unknown[]): boolean => args.length === 6 && (args[4] as number) >= 64;

test('a batch that finds no space in a segment made ready waits, and is written when there is some', async () => {
  const { state, disk } = shortOf('ENOSPC', 'write', isBatch);
  const store = storeOn(disk);
  await openStore(store);
  const hardState = { term: term(1), votedFor: nodeId('n2') };
  await appendTo(store, { hardState, entries: [suiteEntry(1, 1)] });
  await settled();
  state.left = 3;
  const first = appendTo(store, { hardState: { ...hardState, term: term(2) }, entries: [suiteEntry(2, 2)] });
  await settled();
  const others = [3, 4, 5].map((index) => appendTo(store, { entries: [suiteEntry(index, 2, 900)] }));
  for (let round = 0; round < 4; round++) {
    await settled();
    store.checkRoom();
  }
  await Promise.all([first, ...others]);
  expect(state.refused).toBe(3);
  expect(store.checkRoom()).toBe(true);
  const entries = [suiteEntry(1, 1), suiteEntry(2, 2), ...[3, 4, 5].map((i) => suiteEntry(i, 2, 900))];
  holds(store, 1, entries);
  await closeStore(store);
  const again = storeOn();
  expect(await openStore(again)).toMatchObject({ damage: undefined, hardState: { term: 2 } });
  holds(again, 1, entries);
  await closeStore(again);
});

test('a batch that finds no space is written later, though a segment was made ready meanwhile', async () => {
  const { state, disk } = shortOf('ENOSPC', 'write', isBatch);
  const store = storeOn(disk);
  await openStore(store);
  // More than half of a segment: the next one is being made from here on.
  await appendTo(store, { entries: [suiteEntry(1, 1, 2_500)] });
  state.left = 1;
  const refused = appendTo(store, { entries: [suiteEntry(2, 1)] });
  await settled();
  expect(state.refused).toBe(1);
  expect(store.checkRoom()).toBe(false);
  await refused;
  expect(store.checkRoom()).toBe(true);
  holds(store, 1, [suiteEntry(1, 1, 2_500), suiteEntry(2, 1)]);
  await closeStore(store);
});

test('a note of what was flushed that finds no space is left out', async () => {
  const { state, disk } = shortOf('ENOSPC', 'write', (args) => args[4] === FLUSH_MARK_AT);
  const store = storeOn(disk);
  await openStore(store);
  await appendTo(store, { entries: [suiteEntry(1, 1)] });
  state.left = 1;
  store.settle();
  store.settle();
  await settled();
  expect(state.refused).toBe(1);
  await appendTo(store, { entries: [suiteEntry(2, 1)] });
  await closeStore(store);
});

test('a segment that cannot be opened for want of handles is opened later', async () => {
  const { state, disk } = shortOf('EMFILE', 'open', (args) => args[1] === 'r+');
  const store = storeOn(disk);
  await openStore(store);
  let last = 0;
  for (; last < 5; last++) await appendTo(store, { entries: [suiteEntry(last + 1, 1, 500)] });
  await settled();
  state.left = 2;
  const writes = [];
  for (; last < 10; last++) writes.push(appendTo(store, { entries: [suiteEntry(last + 1, 1, 500)] }));
  for (let round = 0; round < 4; round++) {
    await settled();
    store.checkRoom();
  }
  await Promise.all(writes);
  expect(state.refused).toBe(2);
  holds(store, 1, suiteEntries(1, last, 1, 500));
  await closeStore(store);
});

test('a log is closed with its note, also while a larger segment than the one made ready finds no space', async () => {
  const { state, disk } = shortOf('ENOSPC', 'write', (args) => args[4] === 0);
  const store = storeOn(disk);
  await openStore(store);
  // More than half of a segment: the next one is made ready.
  await appendTo(store, { entries: [suiteEntry(1, 1, 2_500)] });
  await settled();
  state.left = 1;
  const refused = appendTo(store, { entries: [suiteEntry(2, 1, 8_000)] });
  await settled();
  expect(state.refused).toBe(1);
  const [outcome] = await Promise.allSettled([refused, closeStore(store)]);
  expect(outcome).toMatchObject({ reason: { code: 'TUTTI_STORE_FULL' } });
  const bytes = fs.readFileSync(join(directory, 'segment-000000000001.log'));
  expect(flushMarkIn(bytes, 1)).toBe(1);
});
