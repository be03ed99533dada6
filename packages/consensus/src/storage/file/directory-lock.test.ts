import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTuttiError } from '@tutti/kernel';
import { afterAll, expect, test } from 'vitest';
import { DirectoryLock } from './directory-lock.ts';
import { type DiskCalls, nodeDisk } from './disk-calls.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-lock-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

/** A lock, or the refusal. Anything else is thrown. */
function attempt(directory: string, disk?: DiskCalls): DirectoryLock | undefined {
  try {
    return DirectoryLock.acquire(directory, disk);
  } catch (thrown) {
    if (isTuttiError(thrown, 'TUTTI_STORE_LOCKED')) return undefined;
    throw thrown;
  }
}

/** Node's calls, with an action right before call number `at`. @returns the calls, and how many were made */
function interrupted(at: number, action: () => void): { disk: DiskCalls; made: () => number } {
  const disk = nodeDisk();
  let made = 0;
  for (const name of Object.keys(disk) as (keyof DiskCalls)[]) {
    const call = Reflect.get(disk, name) as (...all: unknown[]) => unknown;
    Reflect.set(disk, name, (...args: unknown[]): unknown => {
      if (++made === at) action();
      return call(...args);
    });
  }
  return { disk, made: () => made };
}

test('a directory that was taken away meanwhile is let go of', () => {
  const directory = fs.mkdtempSync(join(root, 'gone-'));
  const lock = DirectoryLock.acquire(directory);
  fs.renameSync(directory, `${directory}-aside`);
  expect(() => lock.release()).not.toThrow();
  expect(fs.existsSync(directory)).toBe(false);
});

test('a directory is let go of on a disk that has no space for another letter', () => {
  const directory = join(root, 'full');
  fs.mkdirSync(directory);
  const disk = nodeDisk();
  const lock = attempt(directory, disk);
  disk.writeFileSync = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };
  expect(attempt(directory)).toBeUndefined();
  lock!.release();
  expect(attempt(directory)).toBeDefined();
});

let count = 0;
function withDeadLock(): string {
  const directory = join(root, `lock-${count++}`);
  fs.mkdirSync(directory);
  fs.writeFileSync(
    join(directory, 'lock'),
    JSON.stringify({ pid: 999_999_999, startedAt: '', bootId: 'another' }),
  );
  return directory;
}

/** What other starters do while the first is held up. @returns the locks that they hold at the end */
const meanwhile: Readonly<Record<string, (directory: string) => (DirectoryLock | undefined)[]>> = {
  'a second takes it': (directory) => [attempt(directory)],
  'a second and a third try': (directory) => [attempt(directory), attempt(directory)],
  'a second takes it and lets go': (directory) => {
    attempt(directory)?.release();
    return [];
  },
  'a second takes it and lets go, and a third takes it': (directory) => {
    attempt(directory)?.release();
    return [attempt(directory)];
  },
  'a second dies with it, and a third takes it': (directory) => {
    if (!attempt(directory)) return [];
    const dead = JSON.stringify({ pid: 999_999_999, startedAt: '', bootId: 'another' });
    const name = fs
      .readdirSync(directory)
      .filter((file) => /^lock(-\d+)?$/.test(file))
      .sort()
      .at(-1)!;
    fs.writeFileSync(join(directory, name), dead);
    return [attempt(directory)];
  },
};

for (const [what, others] of Object.entries(meanwhile))
  test(`a dead lock is taken over by one alone, wherever the first is held up while ${what}`, () => {
    for (let at = 1; ; at++) {
      const directory = withDeadLock();
      let held: (DirectoryLock | undefined)[] = [];
      const { disk, made } = interrupted(at, () => (held = others(directory)));
      const first = attempt(directory, disk);
      if (made() < at) break;
      const holders = [first, ...held].filter((lock) => lock !== undefined);
      expect(holders.length, `held up before call ${at}`).toBeLessThanOrEqual(1);
      expect(attempt(directory), 'it is held now, if by anybody').toBe(
        holders.length === 1 ? undefined : expect.anything(),
      );
    }
  });

test('a lock that was let go can be taken again, and a held one cannot', () => {
  const directory = withDeadLock();
  for (let round = 0; round < 3; round++) {
    const lock = DirectoryLock.acquire(directory);
    expect(attempt(directory)).toBeUndefined();
    lock.release();
  }
  expect(fs.readdirSync(directory).filter((name) => name.startsWith('lock'))).toHaveLength(1);
});

test('a lock on a disk that has turned read-only is let go without a word', () => {
  const directory = withDeadLock();
  const refuse = (): never => {
    throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
  };
  const sound = nodeDisk();
  let disk = sound;
  const calls = new Proxy(sound, { get: (_, name: keyof DiskCalls) => disk[name] });
  const lock = DirectoryLock.acquire(directory, calls);
  disk = { ...sound, writeFileSync: refuse, openSync: refuse, renameSync: refuse, rmSync: refuse };
  expect(() => lock.release()).not.toThrow();
});

test('a disk without space for a lock is said to be full', () => {
  const directory = withDeadLock();
  const writeFileSync = (): never => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };
  expect(() => DirectoryLock.acquire(directory, { ...nodeDisk(), writeFileSync })).toThrow(
    expect.objectContaining({ code: 'TUTTI_STORE_FULL', details: { directory } }),
  );
});
