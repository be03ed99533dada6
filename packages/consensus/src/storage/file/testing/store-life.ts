import { clusterId, logIndex, nodeId, systemClock, term } from '@tutti/kernel';
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
import type { DiskCalls } from '../disk-calls.ts';
import { createFileGroupLog } from '../file-group-log.ts';
import { FileLogStore } from '../file-log-store.ts';

/** What a store has promised to hold. */
export interface Promised {
  readonly term: number;
  readonly votedFor: string | undefined;
  /** The term of each entry. */
  readonly log: ReadonlyMap<number, number>;
  readonly last: number;
  readonly snapshot: number;
}

const NOTHING: Promised = { term: 0, votedFor: undefined, log: new Map(), last: 0, snapshot: 0 };
const DATA_BYTES = 500;

/** Where a life is led: in a store of its own, or in one group of a log that another group writes to as well. */
export interface LifePlace {
  readonly directory: string;
  readonly isShared: boolean;
  readonly disk?: Partial<DiskCalls>;
}

function storeIn({ directory, isShared, disk }: LifePlace): LogStore {
  const options = { directory, clusterId: clusterId('c'), nodeId: nodeId('n1'), segmentBytes: 4096 };
  if (!isShared) return new FileLogStore(options, disk);
  // So small a log is cleaned several times in one life.
  return besideAnother(createFileGroupLog({ ...options, clock: systemClock, logBytes: 6_000 }, disk));
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

/** What a store has acknowledged, and what it is asked for beside that. */
export interface LifeAccount {
  readonly promised: Promised;
  readonly asked: Promised;
}

/** One life of a store; `promised` follows what it has acknowledged, `asked` what it is asked for. */
export class Life implements LifeAccount {
  readonly store: LogStore;
  readonly #told: (account: LifeAccount) => void;
  promised = NOTHING;
  asked = NOTHING;

  /** @param told Called whenever something was asked for or acknowledged. */
  constructor(place: LifePlace, told: (account: LifeAccount) => void = () => {}) {
    this.store = storeIn(place);
    this.#told = told;
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

  async #step(change: Partial<Promised>, act: () => Promise<unknown>): Promise<void> {
    this.asked = { ...this.promised, ...change };
    this.#told(this);
    await act();
    this.promised = this.asked;
    this.#told(this);
  }

  #vote(value: number, votedFor: string | undefined): Promise<void> {
    const hardState = { term: term(value), votedFor: votedFor === undefined ? undefined : nodeId(votedFor) };
    return this.#step({ term: value, votedFor }, () => appendTo(this.store, { hardState }));
  }

  #append(from: number, to: number, value: number): Promise<void> {
    const log = new Map([...this.promised.log].filter(([index]) => index < from));
    for (let index = from; index <= to; index++) log.set(index, value);
    const entries = suiteEntries(from, to, value, DATA_BYTES);
    return this.#step({ log, last: to }, () => appendTo(this.store, { entries }));
  }

  #snapshot(index: number, value: number): Promise<void> {
    const contents = new Uint8Array(600).fill(index);
    return this.#step({ snapshot: index }, () => snapshotInto(this.store, index, value, contents));
  }

  #reset(): Promise<void> {
    return this.#step({ log: new Map(), last: this.promised.snapshot }, () => resetStore(this.store));
  }
}

/** A snapshot that the log does not reach replaces the log when the store is opened. */
const asOpened = (promised: Promised): Promised =>
  promised.snapshot > promised.last ? { ...promised, log: new Map(), last: promised.snapshot } : promised;

/** Opens what is left of a store, and says what of its promises it has broken. */
export async function whatIsWrong(
  place: LifePlace,
  { promised, asked }: LifeAccount,
): Promise<string | undefined> {
  const store = storeIn(place);
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
  const again = storeIn(place);
  const { lastIndex } = await openStore(again);
  await closeStore(again);
  if (!isKept) return `found ${JSON.stringify(found)}`;
  return lastIndex === next ? undefined : 'what was written after recovery is not there';
}
