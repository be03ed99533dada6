/**
 * A program: goes through the life of a log store once for every call that changes the disk, dies at that call,
 * opens what is left, and prints how many points it tried and what was wrong, as JSON. With `shared` as its second
 * argument the store is one group of a log that another group writes to as well.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { assert, clusterId, logIndex, nodeId, systemClock, term } from '@tutti/kernel';
import type { SharedLog } from '../../../groups/shared-log.ts';
import { groupStoreOf } from '../../../groups/testing/group-store.ts';
import type { LogStore, LogWrite, WriteCallback } from '../../log-store.ts';
import {
  appendTo,
  closeStore,
  openStore,
  resetStore,
  snapshotInto,
  suiteEntries,
  suiteEntry,
} from '../../log-store-suite.ts';
import { createFileGroupLog } from '../file-group-log.ts';
import { FileLogStore } from '../file-log-store.ts';
import { type CrashMode, Frozen, FrozenDisk } from './frozen-disk.ts';

/** What a store has promised to hold. */
interface Promised {
  readonly term: number;
  readonly votedFor: string | undefined;
  /** The term of each entry. */
  readonly log: ReadonlyMap<number, number>;
  readonly last: number;
  readonly snapshot: number;
}

const NOTHING: Promised = { term: 0, votedFor: undefined, log: new Map(), last: 0, snapshot: 0 };
const DATA_BYTES = 500;

const disk = new FrozenDisk();
const crashed = () => new Promise<'crashed'>((resolve) => (disk.onCrash = () => resolve('crashed')));

const isShared = process.argv[3] === 'shared';

function storeIn(directory: string): LogStore {
  const options = { directory, clusterId: clusterId('c'), nodeId: nodeId('n1'), segmentBytes: 4096 };
  if (!isShared) return new FileLogStore(options);
  // So small a log is cleaned several times in one life.
  return besideAnother(createFileGroupLog({ ...options, clock: systemClock, logBytes: 6_000 }));
}

/** A group of the log, opened with it, beside one that writes an entry whenever this one does. */
function besideAnother(shared: SharedLog): LogStore {
  const store = groupStoreOf(shared);
  const other = shared.group('other');
  const open = store.open.bind(store);
  const append = store.append.bind(store);
  const close = store.close.bind(store);
  return Object.assign(store, {
    open: (done: Parameters<LogStore['open']>[0]) =>
      open((failure, state) => (failure ? done(failure) : other.open((no) => done(no, state)))),
    append: (write: LogWrite, done: WriteCallback) => {
      const next = Number(other.lastIndex) + 1;
      other.append({ hardState: undefined, entries: [suiteEntry(next, 1, 50)] }, () => {});
      append(write, done);
    },
    close: (done: WriteCallback) => other.close((no) => close((failure) => done(no ?? failure))),
  });
}

/** One life of a store; `promised` follows what it has acknowledged, `asked` what it is asked for. */
class Life {
  readonly store: LogStore;
  promised = NOTHING;
  asked = NOTHING;

  constructor(directory: string) {
    this.store = storeIn(directory);
  }

  async run(): Promise<void> {
    await openStore(this.store);
    await this.#vote(1, 'n1');
    for (let index = 1; index <= 9; index++) await this.#append(index, index, 1);
    await this.#vote(2, 'n2');
    // Another leader replaces what was not committed, across a change of segments.
    await this.#append(6, 16, 2);
    await this.#snapshot(12, 2);
    this.store.compact(logIndex(10));
    await this.#vote(3, undefined);
    await this.#append(17, 24, 3);
    await this.#snapshot(24, 3);
    this.store.compact(logIndex(24));
    await this.#append(25, 40, 3);
    await this.#vote(4, 'n3');
    await this.#snapshot(60, 4);
    await this.#reset();
    await this.#append(61, 64, 4);
    await closeStore(this.store);
  }

  async #step(change: Partial<Promised>, action: Promise<unknown>): Promise<void> {
    this.asked = { ...this.promised, ...change };
    await action;
    this.promised = this.asked;
  }

  #vote(value: number, votedFor: string | undefined): Promise<void> {
    const hardState = { term: term(value), votedFor: votedFor === undefined ? undefined : nodeId(votedFor) };
    return this.#step({ term: value, votedFor }, appendTo(this.store, { hardState }));
  }

  #append(from: number, to: number, value: number): Promise<void> {
    const log = new Map([...this.promised.log].filter(([index]) => index < from));
    for (let index = from; index <= to; index++) log.set(index, value);
    const entries = suiteEntries(from, to, value, DATA_BYTES);
    return this.#step({ log, last: to }, appendTo(this.store, { entries }));
  }

  #snapshot(index: number, value: number): Promise<void> {
    const contents = new Uint8Array(600).fill(index);
    return this.#step({ snapshot: index }, snapshotInto(this.store, index, value, contents));
  }

  #reset(): Promise<void> {
    return this.#step({ log: new Map(), last: this.promised.snapshot }, resetStore(this.store));
  }
}

/** A snapshot that the log does not reach replaces the log when the store is opened. */
const asOpened = (promised: Promised): Promised =>
  promised.snapshot > promised.last ? { ...promised, log: new Map(), last: promised.snapshot } : promised;

async function whatIsWrong(directory: string, { promised, asked }: Life): Promise<string | undefined> {
  const locked = isShared ? join(directory, 'log') : directory;
  for (const name of existsSync(locked) ? readdirSync(locked) : [])
    if (name.startsWith('lock')) rmSync(join(locked, name), { force: true });
  const store = storeIn(directory);
  const { hardState, snapshot } = await openStore(store);
  const keeps = (one: Promised): boolean => {
    const { log, last } = asOpened(one);
    if (hardState.term !== one.term || hardState.votedFor !== one.votedFor) return false;
    if ((snapshot?.index ?? 0) !== one.snapshot || store.lastIndex !== last) return false;
    if (store.firstIndex > one.snapshot + 1) return false;
    for (let index = Number(store.firstIndex); index <= last; index++) {
      const [entry] = store.entries(logIndex(index), logIndex(index), Infinity);
      if (entry?.term !== log.get(index) || entry?.data.length !== DATA_BYTES) return false;
    }
    return true;
  };
  const found = { hardState, snapshot: snapshot?.index, first: store.firstIndex, last: store.lastIndex };
  const isKept = keeps(promised) || keeps(asked);
  const next = Number(store.lastIndex) + 1;
  await appendTo(store, { entries: [suiteEntry(next, 9)] });
  await closeStore(store);
  const again = storeIn(directory);
  const { lastIndex } = await openStore(again);
  await closeStore(again);
  if (!isKept) return `found ${JSON.stringify(found)}`;
  return lastIndex === next ? undefined : 'what was written after recovery is not there';
}

/** Whether the life ended before the point was reached. */
async function tryPoint(directory: string, point: number, mode: CrashMode): Promise<boolean> {
  const life = new Life(directory);
  const crash = crashed();
  disk.arm(point, mode);
  const ended = life.run().then(
    () => 'ended' as const,
    (thrown: unknown) => {
      if (thrown instanceof Error && isFrozen(thrown)) return crash;
      throw thrown;
    },
  );
  const outcome = await Promise.race([crash, ended]);
  await disk.thaw();
  let wrong: string | undefined;
  try {
    wrong = await whatIsWrong(directory, life);
  } catch (thrown) {
    wrong = String(thrown);
  }
  if (wrong)
    problems.push(`${mode} call ${point}: ${wrong}; term ${life.promised.term}, last ${life.promised.last}`);
  rmSync(directory, { recursive: true, force: true });
  return outcome === 'ended';
}

const isFrozen = (thrown: Error): boolean => thrown instanceof Frozen || thrown.cause instanceof Frozen;

process.on('uncaughtException', (thrown) => {
  if (!isFrozen(thrown)) throw thrown;
});

const problems: string[] = [];
let points = 0;
const root = process.argv[2];
assert(root, 'a folder to work in is given');
for (const mode of ['before', 'half', 'after'] as const)
  for (let point = 1; !(await tryPoint(join(root, `${mode}-${point}`), point, mode)); point++) points++;
process.stdout.write(JSON.stringify({ points, problems }));
