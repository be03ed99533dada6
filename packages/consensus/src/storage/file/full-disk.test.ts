import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, isTuttiError, logIndex, nodeId } from '@tutti/kernel';
import { afterAll, beforeEach, expect, test } from 'vitest';
import {
  appendTo,
  closeStore,
  holds,
  openStore,
  snapshotInto,
  suiteEntries,
  suiteEntry,
} from '../log-store-suite.ts';
import { FileLogStore } from './file-log-store.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-full-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

let count = 0;
let directory = '';
beforeEach(() => {
  directory = join(root, `store-${count++}`);
});

/** A disk that takes so many bytes more. */
class Quota {
  left = Infinity;

  readonly write = ((...args: unknown[]): void => {
    const bytes = args[3] as number;
    const done = args.at(-1) as (failure: Error | null, written: number) => void;
    if (bytes > this.left) {
      setImmediate(done, Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }), 0);
      return;
    }
    this.left -= bytes;
    Reflect.apply(fs.write, fs, args);
  }) as typeof fs.write;
}

const storeOn = (disk: Partial<Quota> = {}): FileLogStore =>
  new FileLogStore({ directory, clusterId: clusterId('c'), nodeId: nodeId('n1'), segmentBytes: 4096 }, disk);

test('a full disk refuses what it cannot hold, by code, and loses nothing of what it held', async () => {
  for (let left = 0; left < 12_000; left += 1_500) {
    directory = join(root, `quota-${left}`);
    const quota = new Quota();
    const store = storeOn({ write: quota.write });
    await openStore(store);
    await appendTo(store, { entries: [suiteEntry(1, 1, 500)] });
    quota.left = left;
    let last = 1;
    const failure: unknown = await (async () => {
      for (; ; last++) await appendTo(store, { entries: [suiteEntry(last + 1, 1, 500)] });
    })().catch((thrown: unknown) => thrown);
    expect(isTuttiError(failure, 'TUTTI_STORE_FAILED')).toBe(true);
    expect(String(failure)).toContain('ENOSPC');
    await closeStore(store);
    const again = storeOn();
    await openStore(again);
    holds(again, 1, suiteEntries(1, last, 1, 500));
    await closeStore(again);
  }
});

test('a snapshot that the disk has no room for leaves the one before and the log as they were', async () => {
  const quota = new Quota();
  const store = storeOn({ write: quota.write });
  await openStore(store);
  await appendTo(store, { entries: suiteEntries(1, 5, 1) });
  await snapshotInto(store, 3, 1, new Uint8Array(100));
  // Within the contents, and within what is written around them at the end.
  for (quota.left of [1_000, 5_001])
    await expect(snapshotInto(store, 5, 1, new Uint8Array(5_000))).rejects.toThrow('ENOSPC');
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

test('a log whose name was lost is nobody’s, and is refused as it is', async () => {
  const store = storeOn();
  await openStore(store);
  await appendTo(store, { entries: [suiteEntry(1, 1)] });
  await closeStore(store);
  for (const contents of [undefined, 'null', '"x"', '{', '{}']) {
    if (contents === undefined) fs.rmSync(join(directory, 'meta.json'));
    else fs.writeFileSync(join(directory, 'meta.json'), contents);
    const failure: unknown = await openStore(storeOn()).catch((thrown: unknown) => thrown);
    expect(isTuttiError(failure, 'TUTTI_STORE_CORRUPT'), `with ${contents}`).toBe(true);
  }
});
