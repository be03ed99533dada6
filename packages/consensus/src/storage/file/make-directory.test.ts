import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clusterId, nodeId, systemClock } from '@tutti/kernel';
import { expect, onTestFinished, test } from 'vitest';
import { groupStoreOf } from '../../groups/testing/group-store.ts';
import { appendTo, closeStore, openStore, snapshotInto, suiteEntries } from '../log-store-suite.ts';
import { type DiskCalls, nodeDisk } from './disk-calls.ts';
import { createFileGroupLog } from './file-group-log.ts';
import { FileLogStore } from './file-log-store.ts';

const OWNER = { clusterId: clusterId('c'), nodeId: nodeId('n1') };
const ACKNOWLEDGED = 'acknowledged';

/** Node's calls, which remember in which order folders were made and flushed. */
function watchedDisk(refusal?: { readonly folder: string; readonly code: string }) {
  const calls = nodeDisk();
  const events: string[] = [];
  const paths = new Map<number, string>();
  const disk: Partial<DiskCalls> = {
    mkdirSync: (path) => {
      calls.mkdirSync(path);
      events.push(`make ${path}`);
    },
    openSync: (path, flags) => {
      if (path === refusal?.folder) throw Object.assign(new Error(refusal.code), { code: refusal.code });
      const handle = calls.openSync(path, flags);
      paths.set(handle, path);
      return handle;
    },
    fsyncSync: (handle) => {
      calls.fsyncSync(handle);
      events.push(`flush ${paths.get(handle)}`);
    },
  };
  return { disk, events };
}

function temporary(): string {
  const root = fs.mkdtempSync(join(tmpdir(), 'tutti-folder-'));
  onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }));
  return root;
}

/** Each of the folders is flushed into the one above it after it is made, and before anything is acknowledged. */
function expectLasting(events: readonly string[], folders: readonly string[]): void {
  const acknowledged = events.indexOf(ACKNOWLEDGED);
  for (const folder of folders) {
    const made = events.indexOf(`make ${folder}`);
    const flushed = events.indexOf(`flush ${dirname(folder)}`, made);
    expect(made, `${folder} is made`).toBeGreaterThanOrEqual(0);
    expect(flushed, `${dirname(folder)} is flushed`).toBeGreaterThan(made);
    expect(acknowledged).toBeGreaterThan(flushed);
  }
}

test('the folder of a store is on the disk, and those that it is in, before anything is acknowledged', async () => {
  const root = temporary();
  const folders = [join(root, 'a'), join(root, 'a', 'b'), join(root, 'a', 'b', 'store')];
  const { disk, events } = watchedDisk();
  const store = new FileLogStore({ directory: folders[2]!, ...OWNER, segmentBytes: 4096 }, disk);
  await openStore(store);
  await appendTo(store, { entries: suiteEntries(1, 1, 1) });
  events.push(ACKNOWLEDGED);
  expectLasting(events, folders);
  await closeStore(store);
});

test('the folder of a store and all that it holds are for its owner alone, the folders above are not', async () => {
  const root = temporary();
  const directory = join(root, 'a', 'store');
  const store = groupStoreOf(
    createFileGroupLog({ directory, ...OWNER, segmentBytes: 4096, clock: systemClock }),
  );
  await openStore(store);
  await appendTo(store, { entries: suiteEntries(1, 3, 1) });
  await snapshotInto(store, 2, 1, new Uint8Array(100));
  await closeStore(store);
  const modeOf = (path: string): number => fs.statSync(path).mode & 0o777;
  const usual = join(root, 'usual');
  fs.mkdirSync(usual);
  expect(modeOf(join(root, 'a'))).toBe(modeOf(usual));
  const [group] = fs.readdirSync(join(directory, 'groups'));
  for (const folder of [join(directory, 'log'), join(directory, 'groups', group!)]) {
    expect(modeOf(folder), folder).toBe(0o700);
    const names = fs.readdirSync(folder).filter((name) => !name.startsWith('lock'));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(modeOf(join(folder, name)), name).toBe(0o600);
  }
});

test('a folder that a killed process made is flushed into the one above it, once', async () => {
  const directory = join(temporary(), 'store');
  fs.mkdirSync(directory);
  const flushes: number[] = [];
  for (let life = 0; life < 2; life++) {
    const { disk, events } = watchedDisk();
    const store = new FileLogStore({ directory, ...OWNER, segmentBytes: 4096 }, disk);
    await openStore(store);
    flushes.push(events.filter((event) => event === `flush ${dirname(directory)}`).length);
    await closeStore(store);
  }
  expect(flushes).toEqual([1, 0]);
});

test('a store begins in a folder whose surroundings nobody may open', async () => {
  const directory = join(temporary(), 'store');
  fs.mkdirSync(directory);
  for (const code of ['EACCES', 'EIO']) {
    const { disk } = watchedDisk({ folder: dirname(directory), code });
    const store = new FileLogStore({ directory, ...OWNER, segmentBytes: 4096 }, disk);
    const outcome = await openStore(store).then(
      () => 'open',
      () => 'refused',
    );
    expect(outcome, code).toBe(code === 'EIO' ? 'refused' : 'open');
    await closeStore(store);
    fs.rmSync(directory, { recursive: true, force: true });
    fs.mkdirSync(directory);
  }
});

test("the folder of a group's snapshots is on the disk before a snapshot in it is acknowledged", async () => {
  const directory = temporary();
  const { disk, events } = watchedDisk();
  const store = groupStoreOf(
    createFileGroupLog({ directory, ...OWNER, segmentBytes: 4096, clock: systemClock }, disk),
  );
  await openStore(store);
  await appendTo(store, { entries: suiteEntries(1, 3, 1) });
  await snapshotInto(store, 2, 1, new Uint8Array(100));
  events.push(ACKNOWLEDGED);
  const [group] = fs.readdirSync(join(directory, 'groups'));
  expectLasting(events, [join(directory, 'groups'), join(directory, 'groups', group!)]);
  const before = events.length;
  await snapshotInto(store, 3, 1, new Uint8Array(100));
  expect(events.slice(before)).not.toContain(`flush ${join(directory, 'groups')}`);
  await closeStore(store);
});
