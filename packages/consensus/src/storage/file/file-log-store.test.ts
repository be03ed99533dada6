import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, isTuttiError, type Logger, nodeId, silentLogger } from '@tutti/kernel';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { LogStore } from '../log-store.ts';
import {
  appendTo,
  closeStore,
  holds,
  logStoreCases,
  openStore,
  repairCases,
  snapshotInto,
  suiteEntries,
  suiteEntry,
} from '../log-store-suite.ts';
import { FileLogStore, type FileLogStoreOptions } from './file-log-store.ts';
import { writeFileMark } from './file-mark.ts';
import { FLUSH_MARK_AT, FLUSH_MARK_BYTES } from './flush-mark.ts';
import { SEGMENT_MARK } from './segment.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-log-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

let count = 0;
let directory = '';
beforeEach(() => {
  directory = join(root, `store-${count++}`);
});

const optionsFor = (overrides: Partial<FileLogStoreOptions> = {}): FileLogStoreOptions => ({
  directory,
  clusterId: clusterId('c'),
  nodeId: nodeId('n1'),
  segmentBytes: 4096,
  ...overrides,
});

const storeIn = (overrides: Partial<FileLogStoreOptions> = {}): FileLogStore =>
  new FileLogStore(optionsFor(overrides));

const failureOf = (action: Promise<unknown>): Promise<unknown> =>
  action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );

const segmentsIn = (): string[] =>
  fs
    .readdirSync(directory)
    .filter((name) => name.endsWith('.log'))
    .sort();

/** Entries 1 to `to`, each in a write of its own, and closed. */
async function written(to: number, dataBytes = 20): Promise<void> {
  const store = storeIn();
  await openStore(store);
  for (const entry of suiteEntries(1, to, 1, dataBytes)) await appendTo(store, { entries: [entry] });
  await closeStore(store);
}

describe('a log store on disk', () => {
  for (const { title, run } of [...logStoreCases, ...repairCases])
    test(title, () => run({ store: () => storeIn() }));

  for (const { title, run } of [...logStoreCases, ...repairCases])
    test(`${title} (with nothing cached)`, () => run({ store: () => storeIn({ cacheBytes: 0 }) }));

  test('closing it ends a repair that is about to read it again, and whoever waits for that is told', async () => {
    const store = storeIn();
    await openStore(store);
    const ends: unknown[] = [];
    const told = (what: string) => (failure: Error | undefined) =>
      ends.push([what, isTuttiError(failure) ? failure.code : failure]);
    const closed = new Promise<void>((resolve) => {
      // The write is under way still when the repair and the end are asked for.
      store.append({ hardState: undefined, entries: suiteEntries(1, 3, 1) }, told('write'));
      store.repair({ kind: 'snapshot' }, told('repair'));
      store.close((failure) => {
        told('close')(failure);
        resolve();
      });
    });
    await closed;
    expect(ends.at(-1)).toEqual(['close', undefined]);
    expect(new Set(ends)).toEqual(
      new Set([
        ['write', undefined],
        ['repair', 'TUTTI_CLOSED'],
        ['close', undefined],
      ]),
    );
    const again = storeIn();
    await openStore(again);
    holds(again, 1, suiteEntries(1, 3, 1));
    await closeStore(again);
  });

  test('goes on in further segments, and gives entries across them', async () => {
    await written(60, 500);
    expect(segmentsIn().length).toBeGreaterThan(5);
    const store = storeIn({ cacheBytes: 1000 });
    await openStore(store);
    holds(store, 1, suiteEntries(1, 60, 1, 500));
    await appendTo(store, { entries: suiteEntries(61, 90, 1, 500) });
    holds(store, 1, suiteEntries(1, 90, 1, 500));
    await closeStore(store);
  });

  test('writes what is larger than a segment into one made for it', async () => {
    const store = storeIn();
    await openStore(store);
    await appendTo(store, { entries: suiteEntries(1, 3, 1, 9000) });
    await appendTo(store, { entries: suiteEntries(4, 4, 1) });
    await closeStore(store);
    const again = storeIn();
    await openStore(again);
    holds(again, 1, [...suiteEntries(1, 3, 1, 9000), suiteEntry(4, 1)]);
    await closeStore(again);
  });

  test('loses nothing when segments fill as fast as they can be made', async () => {
    const store = storeIn();
    await openStore(store);
    const entries = suiteEntries(1, 200, 1, 300);
    const writes: Promise<void>[] = [];
    for (const entry of entries) {
      writes.push(appendTo(store, { entries: [entry] }));
      if (entry.index % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(writes);
    await closeStore(store);
    const again = storeIn();
    await openStore(again);
    holds(again, 1, entries);
    await closeStore(again);
  });

  test('makes no segment a second time while it changes over to it', async () => {
    const store = storeIn();
    await openStore(store);
    const entries = suiteEntries(1, 80, 1, 300);
    for (let i = 0; i < entries.length; i += 2) {
      // The second write waits while the first is flushed, so a change of segment may follow at once.
      await Promise.all(entries.slice(i, i + 2).map((entry) => appendTo(store, { entries: [entry] })));
      while (fs.readdirSync(directory).some((name) => name.endsWith('.tmp')))
        await new Promise((resolve) => setImmediate(resolve));
    }
    await closeStore(store);
    const again = storeIn();
    await openStore(again);
    holds(again, 1, entries);
    await closeStore(again);
  });

  test('keeps its sequence of segments without a hole when a prepared one is too small', async () => {
    const store = storeIn();
    await openStore(store);
    for (const entry of suiteEntries(1, 8, 1, 300)) await appendTo(store, { entries: [entry] });
    await appendTo(store, { entries: suiteEntries(9, 9, 1, 9000) });
    await appendTo(store, { entries: suiteEntries(10, 30, 1, 300) });
    await snapshotInto(store, 30, 1, new Uint8Array(10));
    store.compact(suiteEntry(20, 1).index);
    await closeStore(store);
    const again = storeIn();
    await openStore(again);
    expect(again.lastIndex).toBe(30);
    await closeStore(again);
  });

  test('removes segments that a snapshot covers', async () => {
    await written(60, 500);
    const store = storeIn();
    await openStore(store);
    const before = segmentsIn().length;
    await snapshotInto(store, 55, 1, new Uint8Array(100));
    store.compact(suiteEntry(50, 1).index);
    holds(store, 51, suiteEntries(51, 60, 1, 500));
    await closeStore(store);
    expect(segmentsIn().length).toBeLessThan(before - 4);
    const again = storeIn();
    await openStore(again);
    expect(again.firstIndex).toBeGreaterThan(40);
    holds(again, again.firstIndex, suiteEntries(again.firstIndex, 60, 1, 500));
    await closeStore(again);
  });

  test('merges the writes that come during a flush into one', async () => {
    let flushes = 0;
    const fdatasync = ((handle: number, done: fs.NoParamCallback) => {
      flushes++;
      fs.fdatasync(handle, done);
    }) as typeof fs.fdatasync;
    const store = new FileLogStore(optionsFor({ segmentBytes: 65_536 }), { write: fs.write, fdatasync });
    await openStore(store);
    await Promise.all(suiteEntries(1, 100, 1).map((entry) => appendTo(store, { entries: [entry] })));
    expect(flushes).toBe(2);
    await closeStore(store);
  });
});

describe('a directory', () => {
  test('of another cluster or node is refused by name', async () => {
    await written(1);
    const cluster = await failureOf(openStore(storeIn({ clusterId: clusterId('other') })));
    expect(isTuttiError(cluster, 'TUTTI_STORE_WRONG_CLUSTER') && cluster.details).toMatchObject({
      found: 'c',
      expected: 'other',
    });
    const node = await failureOf(openStore(storeIn({ nodeId: nodeId('n2') })));
    expect(isTuttiError(node, 'TUTTI_STORE_WRONG_NODE')).toBe(true);
    await openStore(storeIn());
  });

  test('that is in use is refused with the process that uses it', async () => {
    const store = storeIn();
    await openStore(store);
    const failure = await failureOf(openStore(storeIn()));
    expect(isTuttiError(failure, 'TUTTI_STORE_LOCKED') && failure.details['pid']).toBe(process.pid);
    await closeStore(store);
  });

  test('whose lock a dead process left is taken over, even if its number is in use again', async () => {
    await written(3);
    const stale = { pid: process.pid, startedAt: '1', bootId: bootId() };
    const lock = () => join(directory, fs.readdirSync(directory).find((name) => name.startsWith('lock'))!);
    fs.writeFileSync(lock(), JSON.stringify(stale));
    const store = storeIn();
    await openStore(store);
    holds(store, 1, suiteEntries(1, 3, 1));
    await closeStore(store);
    fs.writeFileSync(lock(), JSON.stringify({ ...stale, pid: 2 ** 22 + 1, startedAt: '' }));
    const again = storeIn();
    await openStore(again);
    await closeStore(again);
    expect(fs.readFileSync(lock(), 'utf8')).toBe('{}');
  });

  test('written by a newer version is refused, and nothing in it is changed', async () => {
    await written(2);
    const path = join(directory, segmentsIn()[0]!);
    const bytes = fs.readFileSync(path);
    writeFileMark(bytes, { ...SEGMENT_MARK, version: 7 });
    fs.writeFileSync(path, bytes);
    const failure = await failureOf(openStore(storeIn()));
    expect(isTuttiError(failure, 'TUTTI_STORE_NEWER_VERSION') && failure.details).toEqual({
      file: path,
      found: 7,
      supported: SEGMENT_MARK.version,
    });
    expect(fs.readFileSync(path).equals(bytes)).toBe(true);
  });

  test('is cleared of drafts that a crash left', async () => {
    await written(2);
    fs.writeFileSync(join(directory, 'snapshot-0000000000000002.snap.0.tmp'), 'half');
    const store = storeIn();
    await openStore(store);
    expect(fs.readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    await closeStore(store);
  });
});

describe('a disk that fails', () => {
  const failing = (call: 'write' | 'fdatasync'): [LogStore, { fail: boolean; calls: number }] => {
    const control = { fail: false, calls: 0 };
    const disk = { write: fs.write, fdatasync: fs.fdatasync };
    const faulty = (...args: unknown[]): void => {
      control.calls++;
      const done = args.at(-1) as (failure: Error | null, written?: number) => void;
      if (control.fail) setImmediate(done, new Error('EIO: i/o error'));
      else Reflect.apply(disk[call], fs, args);
    };
    const store = new FileLogStore(optionsFor(), { ...disk, [call]: faulty });
    return [store, control];
  };

  for (const call of ['write', 'fdatasync'] as const)
    test(`in ${call} once is never written to again`, async () => {
      const [store, control] = failing(call);
      await openStore(store);
      await appendTo(store, { entries: [suiteEntry(1, 1)] });
      control.fail = true;
      const failure = await failureOf(appendTo(store, { entries: [suiteEntry(2, 1)] }));
      expect(isTuttiError(failure, 'TUTTI_STORE_FAILED')).toBe(true);
      control.fail = false;
      const { calls } = control;
      const later = await failureOf(appendTo(store, { entries: [suiteEntry(3, 1)] }));
      expect(isTuttiError(later, 'TUTTI_STORE_FAILED')).toBe(true);
      expect(control.calls).toBe(calls);
      await closeStore(store);
    });
});

describe('what a crash leaves', () => {
  const warnings: Record<string, unknown>[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (fields) => warnings.push(fields as Record<string, unknown>),
  };
  beforeEach(() => {
    warnings.length = 0;
  });

  /** The end of the last record, and the file as it is where nothing says yet that the last write was flushed. */
  function segment(): { path: string; bytes: Buffer; end: number } {
    const path = join(directory, segmentsIn().at(-1)!);
    const bytes = fs.readFileSync(path);
    bytes.fill(0, FLUSH_MARK_AT, FLUSH_MARK_AT + FLUSH_MARK_BYTES);
    let end = bytes.length;
    while (bytes[end - 1] === 0) end--;
    return { path, bytes, end: (end + 7) & ~7 };
  }

  async function reopenWith(bytes: Buffer, path: string): Promise<FileLogStore> {
    fs.writeFileSync(path, bytes);
    const store = storeIn({ logger });
    await openStore(store);
    return store;
  }

  const recordBytes = 40 + 24;

  test('is cut off with a warning wherever in the last write it broke off, and nothing else is lost', async () => {
    await written(6);
    const { path, bytes, end } = segment();
    for (let cut = end - recordBytes; cut < end - 4; cut++) {
      const torn = Buffer.from(bytes);
      torn.fill(0, cut);
      const store = await reopenWith(torn, path);
      holds(store, 1, suiteEntries(1, 5, 1));
      expect(warnings.length, `cut at ${cut}`).toBe(1);
      // The batch is the record and, before it, the hard state.
      expect(warnings[0]).toMatchObject({
        code: 'TUTTI_STORE_TAIL_CUT',
        offset: end - recordBytes - 40,
      });
      await appendTo(store, { entries: [suiteEntry(6, 2)] });
      await closeStore(store);
      const again = storeIn({ logger });
      await openStore(again);
      holds(again, 1, [...suiteEntries(1, 5, 1), suiteEntry(6, 2)]);
      await closeStore(again);
      warnings.length = 0;
    }
  });

  test('is cut off wherever the last write is garbled', async () => {
    await written(6);
    const { path, bytes, end } = segment();
    for (let place = end - recordBytes; place < end - 4; place++) {
      const garbled = Buffer.from(bytes);
      garbled[place]! ^= 0x5a;
      const store = await reopenWith(garbled, path);
      holds(store, 1, suiteEntries(1, 5, 1));
      expect(warnings[0]).toMatchObject({ code: 'TUTTI_STORE_TAIL_CUT' });
      await closeStore(store);
      warnings.length = 0;
    }
  });

  test('in a write of many entries takes none of them, whatever parts reached the disk', async () => {
    const store = storeIn();
    await openStore(store);
    await appendTo(store, { entries: suiteEntries(1, 3, 1) });
    await appendTo(store, { entries: suiteEntries(4, 8, 2) });
    await closeStore(store);
    const { path, bytes, end } = segment();
    for (let hole = end - 5 * recordBytes; hole < end; hole += recordBytes) {
      const torn = Buffer.from(bytes);
      torn.fill(0, hole, hole + recordBytes);
      const again = await reopenWith(torn, path);
      holds(again, 1, suiteEntries(1, 3, 1));
      await closeStore(again);
    }
  });

  test('is cut off where a record is whole but does not follow the one before it', async () => {
    await written(2, 24);
    const ours = segment();
    const previous = directory;
    directory = `${previous}-other`;
    const other = storeIn();
    await openStore(other);
    await appendTo(other, { entries: suiteEntries(1, 1, 3, 24) });
    await appendTo(other, { entries: suiteEntries(2, 2, 1, 24) });
    await closeStore(other);
    const foreign = segment();
    directory = previous;
    foreign.bytes.copy(ours.bytes, ours.end - 64, ours.end - 64, ours.end);
    const store = await reopenWith(ours.bytes, ours.path);
    holds(store, 1, suiteEntries(1, 1, 1, 24));
    await closeStore(store);
  });
});

describe('a process that is killed while it writes', () => {
  /** Appends entries one after another and prints the index of each when it is acknowledged. */
  const childSource = `
    import { FileLogStore } from ${JSON.stringify(new URL('./file-log-store.ts', import.meta.url).href)};
    import { suiteEntry } from ${JSON.stringify(new URL('../log-store-suite.ts', import.meta.url).href)};
    const store = new FileLogStore({ directory: process.argv[1], clusterId: 'c', nodeId: 'n1', segmentBytes: 65536 });
    store.open((failure) => {
      if (failure) throw failure;
      const next = (index) =>
        store.append({ hardState: undefined, entries: [suiteEntry(index, 1, 200)] }, (problem) => {
          if (problem) throw problem;
          process.stdout.write(index + '\\n');
        });
      let index = store.lastIndex;
      const turn = () => {
        for (let i = 0; i < 3; i++) next(++index);
        setImmediate(turn);
      };
      turn();
    });`;

  /** Runs until so many entries were acknowledged, kills it, and gives the last index it had acknowledged. */
  const killedAfter = (acknowledgements: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', childSource, directory]);
      let output = '';
      let errors = '';
      let killed = false;
      child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (killed || output.split('\n').length <= acknowledgements) return;
        killed = true;
        child.kill('SIGKILL');
      });
      child.on('close', () => {
        if (!killed) return reject(new Error(errors));
        // The last line may be cut; what is before it was acknowledged.
        resolve(Number(output.split('\n').at(-2)));
      });
    });

  test('has everything that it acknowledged, and its successor takes the directory over', async () => {
    let least = 0;
    for (const acknowledgements of [1, 40, 700]) {
      const acknowledged = await killedAfter(acknowledgements);
      expect(acknowledged).toBeGreaterThan(least);
      const store = storeIn({ segmentBytes: 65_536 });
      await openStore(store);
      expect(store.lastIndex).toBeGreaterThanOrEqual(acknowledged);
      holds(store, 1, suiteEntries(1, store.lastIndex, 1, 200));
      least = store.lastIndex;
      await closeStore(store);
    }
  });
});

const bootId = (): string =>
  fs.existsSync('/proc/sys/kernel/random/boot_id')
    ? fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    : '';
