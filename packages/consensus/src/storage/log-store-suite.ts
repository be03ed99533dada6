import { assert, isTuttiError, type LogIndex, logIndex, type NodeId, term } from '@tutti/kernel';
import type { Entry, HardState, SnapshotMeta } from '../raft/messages.ts';
import type { LogStore, LogStoreState, LogWrite, StoredSnapshot } from './log-store.ts';
import type { RepairStep } from './store-damage.ts';

/** What an implementer hands to each case: one place to store in, opened as often as the case wants. */
export interface LogStoreHarness {
  /** A store over the same contents as the one before; the one before has been closed. */
  store(): LogStore;
}

/** One thing that every store must do. Throws when the store does not. */
export interface LogStoreCase {
  /** A sentence that completes "A log store ...". */
  readonly title: string;
  readonly run: (harness: LogStoreHarness) => Promise<void>;
}

const at = (index: number): LogIndex => logIndex(index);

/** An entry whose data tells index and term apart from every other's. */
export function suiteEntry(index: number, entryTerm: number, dataBytes = 20): Entry {
  const data = new Uint8Array(dataBytes).fill(index * 31 + entryTerm * 7);
  return { index: at(index), term: term(entryTerm), kind: 'command', data };
}

export function suiteEntries(from: number, to: number, entryTerm: number, dataBytes?: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => suiteEntry(from + i, entryTerm, dataBytes));
}

export function openStore(store: LogStore): Promise<LogStoreState> {
  return new Promise((resolve, reject) => {
    store.open((failure, state) => (failure ? reject(failure) : resolve(state!)));
  });
}

export function appendTo(store: LogStore, write: Partial<LogWrite>): Promise<void> {
  return new Promise((resolve, reject) => {
    store.append({ hardState: undefined, entries: [], ...write }, (failure) =>
      failure ? reject(failure) : resolve(),
    );
  });
}

export function closeStore(store: LogStore): Promise<void> {
  return new Promise((resolve, reject) => {
    store.close((failure) => (failure ? reject(failure) : resolve()));
  });
}

/** Stores a snapshot of the given contents, in two chunks. */
export async function snapshotInto(
  store: LogStore,
  index: number,
  snapshotTerm: number,
  contents: Uint8Array,
  checksum?: number,
): Promise<StoredSnapshot> {
  const meta: SnapshotMeta = {
    index: at(index),
    term: term(snapshotTerm),
    membership: { voters: ['a' as NodeId], learners: [] },
  };
  const writer = store.beginSnapshot(meta);
  const half = contents.length >> 1;
  for (const chunk of [contents.subarray(0, half), contents.subarray(half)])
    await new Promise<void>((resolve, reject) => {
      writer.write(chunk, (failure) => (failure ? reject(failure) : resolve()));
    });
  assert(writer.size === contents.length, 'a writer counts what was written');
  return new Promise((resolve, reject) => {
    writer.commit(checksum, (failure, stored) => (failure ? reject(failure) : resolve(stored!)));
  });
}

function contentsOf(stored: StoredSnapshot): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    stored.read(0, stored.totalBytes, (failure, data) => (failure ? reject(failure) : resolve(data)));
  });
}

export function resetStore(store: LogStore): Promise<void> {
  return new Promise((resolve, reject) => {
    store.resetToSnapshot((failure) => (failure ? reject(failure) : resolve()));
  });
}

export function repairStore(store: LogStore, step: RepairStep): Promise<LogStoreState> {
  return new Promise((resolve, reject) => {
    store.repair(step, (failure, state) => (failure ? reject(failure) : resolve(state!)));
  });
}

/** Asserts that the store holds exactly these entries from `first` on. */
export function holds(store: LogStore, first: number, expected: readonly Entry[]): void {
  assert(store.firstIndex === first, `the first index is ${store.firstIndex}, and should be ${first}`);
  const last = first + expected.length - 1;
  assert(store.lastIndex === last, `the last index is ${store.lastIndex}, and should be ${last}`);
  const found = expected.length === 0 ? [] : store.entries(at(first), at(last), Infinity);
  assert(found.length === expected.length, `${found.length} of ${expected.length} entries are given`);
  for (const [i, entry] of expected.entries()) {
    const other = found[i]!;
    const same =
      other.index === entry.index &&
      other.term === entry.term &&
      other.kind === entry.kind &&
      other.data.length === entry.data.length &&
      other.data.every((byte, place) => byte === entry.data[place]);
    assert(same, `entry ${entry.index} is what was written`);
    assert(store.termAt(entry.index) === entry.term, `the term of entry ${entry.index} is known`);
  }
  assert(store.termAt(at(last + 1)) === undefined, 'what is not held has no term');
}

async function refused(action: Promise<unknown>, code: Parameters<typeof isTuttiError>[1]): Promise<void> {
  const outcome = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert(isTuttiError(outcome, code), `it is refused with ${code}, not with ${String(outcome)}`);
}

const state = (value: number, votedFor?: string): HardState => ({
  term: term(value),
  votedFor: votedFor as NodeId | undefined,
});

async function reopened(harness: LogStoreHarness, store: LogStore): Promise<[LogStore, LogStoreState]> {
  await closeStore(store);
  const next = harness.store();
  return [next, await openStore(next)];
}

/** A store that was opened, with entries 1 to `count` of term 1. */
async function filled(harness: LogStoreHarness, count: number): Promise<LogStore> {
  const store = harness.store();
  await openStore(store);
  await appendTo(store, { hardState: state(1, 'a'), entries: suiteEntries(1, count, 1) });
  return store;
}

/** What every {@link LogStore} must do. Run each case with a fresh harness; see `memory-log-store.test.ts`. */
export const logStoreCases: readonly LogStoreCase[] = [
  {
    title: 'is empty at first',
    async run(harness) {
      const store = harness.store();
      const opened = await openStore(store);
      assert(opened.hardState.term === 0 && opened.hardState.votedFor === undefined, 'no vote was given');
      assert(opened.snapshot === undefined && store.snapshot() === undefined, 'there is no snapshot');
      assert(store.termAt(at(0)) === term(0), 'the place before the first entry has term 0');
      holds(store, 1, []);
      await closeStore(store);
    },
  },
  {
    title: 'gives back entries and hard state, before and after it is opened again',
    async run(harness) {
      const store = await filled(harness, 5);
      await appendTo(store, { hardState: state(2), entries: suiteEntries(6, 7, 2) });
      const all = [...suiteEntries(1, 5, 1), ...suiteEntries(6, 7, 2)];
      holds(store, 1, all);
      const [again, opened] = await reopened(harness, store);
      holds(again, 1, all);
      assert(
        opened.hardState.term === 2 && opened.hardState.votedFor === undefined,
        'the newest state counts',
      );
      await closeStore(again);
    },
  },
  {
    title: 'shows entries whose write is not durable yet, and completes writes in order',
    async run(harness) {
      const store = harness.store();
      await openStore(store);
      const order: number[] = [];
      const writes = [1, 2, 3].map((index) =>
        appendTo(store, { entries: [suiteEntry(index, 1)] }).then(() => order.push(index)),
      );
      holds(store, 1, suiteEntries(1, 3, 1));
      await Promise.all(writes);
      assert(order.join() === '1,2,3', 'completions come in order');
      await closeStore(store);
    },
  },
  {
    title: 'replaces what a write overwrites, and everything after it, even while it is being written',
    async run(harness) {
      const store = await filled(harness, 6);
      const first = appendTo(store, { entries: suiteEntries(5, 9, 2) });
      const second = appendTo(store, { hardState: state(3, 'b'), entries: suiteEntries(4, 5, 3) });
      await Promise.all([first, second]);
      const expected = [...suiteEntries(1, 3, 1), ...suiteEntries(4, 5, 3)];
      holds(store, 1, expected);
      const [again, opened] = await reopened(harness, store);
      holds(again, 1, expected);
      assert(opened.hardState.votedFor === ('b' as NodeId), 'the vote is kept');
      await closeStore(again);
    },
  },
  {
    title: 'limits what it gives by bytes, but gives at least one entry',
    async run(harness) {
      const store = await filled(harness, 10);
      assert(store.entries(at(1), at(10), 45).length === 2, 'two entries of 20 bytes fit 45');
      assert(store.entries(at(3), at(10), 1).length === 1, 'one entry is given in any case');
      assert(store.entries(at(9), at(10), 1000)[1]!.index === 10, 'the range includes its end');
      await closeStore(store);
    },
  },
  {
    title: 'keeps a snapshot, and forgets the one before',
    async run(harness) {
      const store = await filled(harness, 10);
      await snapshotInto(store, 4, 1, new Uint8Array(5000).fill(4));
      const contents = new Uint8Array(300_000).map((_, i) => i % 251);
      const stored = await snapshotInto(store, 8, 1, contents);
      assert(store.snapshot()?.meta.index === 8, 'the newer one is current');
      const [again, opened] = await reopened(harness, store);
      assert(
        opened.snapshot?.index === 8 && opened.snapshot.membership.voters[0] === 'a',
        'meta data is kept',
      );
      const read = await contentsOf(again.snapshot()!);
      assert(
        read.every((byte, i) => byte === contents[i]),
        'the contents are kept',
      );
      assert(again.snapshot()!.checksum === stored.checksum, 'so is the checksum');
      holds(again, 1, suiteEntries(1, 10, 1));
      await closeStore(again);
    },
  },
  {
    title: 'refuses a snapshot whose checksum is not the announced one, and keeps what it had',
    async run(harness) {
      const store = await filled(harness, 3);
      await snapshotInto(store, 2, 1, new Uint8Array(10));
      await refused(snapshotInto(store, 3, 1, new Uint8Array(10), 12345), 'TUTTI_STORE_CORRUPT');
      assert(store.snapshot()?.meta.index === 2, 'the one before is still there');
      await closeStore(store);
    },
  },
  {
    title: 'shows nothing of a snapshot that was not committed',
    async run(harness) {
      const store = await filled(harness, 3);
      const meta = { index: at(3), term: term(1), membership: { voters: [], learners: [] } };
      const writer = store.beginSnapshot(meta);
      await new Promise<void>((resolve) => writer.write(new Uint8Array(9), () => resolve()));
      writer.abort();
      assert(store.snapshot() === undefined, 'there is none');
      const [again, opened] = await reopened(harness, store);
      assert(opened.snapshot === undefined, 'nor after opening');
      await closeStore(again);
    },
  },
  {
    title: 'drops compacted entries and keeps the rest',
    async run(harness) {
      const store = await filled(harness, 10);
      await snapshotInto(store, 7, 1, new Uint8Array(10));
      store.compact(at(6));
      holds(store, 7, suiteEntries(7, 10, 1));
      assert(store.termAt(at(6)) === term(1), 'the term before the first entry is still known');
      await appendTo(store, { entries: suiteEntries(11, 12, 2) });
      const [again] = await reopened(harness, store);
      const { firstIndex } = again;
      assert(firstIndex <= 7, 'compaction may be partly undone by opening, never overdone');
      holds(again, firstIndex, [...suiteEntries(firstIndex, 10, 1), ...suiteEntries(11, 12, 2)]);
      await closeStore(again);
    },
  },
  {
    title: 'goes on after a snapshot that replaced the log',
    async run(harness) {
      const store = await filled(harness, 5);
      await snapshotInto(store, 20, 4, new Uint8Array(10));
      await resetStore(store);
      holds(store, 21, []);
      assert(store.termAt(at(20)) === term(4), 'the term of its last entry is known');
      await appendTo(store, { entries: suiteEntries(21, 22, 4) });
      const [again, opened] = await reopened(harness, store);
      holds(again, 21, suiteEntries(21, 22, 4));
      assert(opened.hardState.term === 1, 'the hard state outlives the log');
      await closeStore(again);
    },
  },
  {
    title: 'continues after its snapshot when the log was not replaced in time',
    async run(harness) {
      const store = await filled(harness, 5);
      await snapshotInto(store, 20, 4, new Uint8Array(10));
      const [again] = await reopened(harness, store);
      holds(again, 21, []);
      await appendTo(again, { entries: suiteEntries(21, 21, 5) });
      const [third] = await reopened(harness, again);
      holds(third, 21, suiteEntries(21, 21, 5));
      await closeStore(third);
    },
  },
  {
    title: 'refuses writes when it is closed, and a second opening while it is open',
    async run(harness) {
      const store = await filled(harness, 1);
      await refused(openStore(harness.store()), 'TUTTI_STORE_LOCKED');
      await closeStore(store);
      await refused(appendTo(store, { entries: [suiteEntry(2, 1)] }), 'TUTTI_CLOSED');
    },
  },
];

/** A log in which another leader's entries took the place of 5 and all after it. */
async function overwritten(harness: LogStoreHarness): Promise<{ store: LogStore; entries: Entry[] }> {
  const store = await filled(harness, 8);
  await appendTo(store, { hardState: state(2, 'b'), entries: suiteEntries(5, 7, 2) });
  await appendTo(store, { hardState: state(3, 'c'), entries: suiteEntries(8, 10, 3) });
  const entries = [...suiteEntries(1, 4, 1), ...suiteEntries(5, 7, 2), ...suiteEntries(8, 10, 3)];
  return { store, entries };
}

/** Cuts a log from `from` on, looks at what is left before and after a restart, and puts back what is gone. */
async function cutAndFetched(harness: LogStoreHarness, from: number): Promise<void> {
  const { store, entries } = await overwritten(harness);
  const cut = await repairStore(store, { kind: 'cut', from: at(from) });
  assert(cut.damage?.endLost === true, 'the end is lost from then on');
  assert(cut.lastIndex === store.lastIndex && cut.lastIndex < from, `nothing is left from ${from} on`);
  // Nothing comes back that had been replaced.
  holds(store, 1, entries.slice(0, cut.lastIndex));
  const [again, opened] = await reopened(harness, store);
  assert(opened.damage?.endLost === true, 'a restart does not make that good');
  assert(opened.hardState.term === 3 && opened.hardState.votedFor === ('c' as NodeId), 'the vote is kept');
  holds(again, 1, entries.slice(0, cut.lastIndex));
  await appendTo(again, { entries: entries.slice(cut.lastIndex) });
  const whole = await repairStore(again, { kind: 'whole', hardState: undefined });
  assert(whole.damage === undefined, 'the log is whole when its end has been fetched');
  const [third, last] = await reopened(harness, again);
  assert(last.damage === undefined, 'and stays so');
  holds(third, 1, entries);
  await closeStore(third);
}

/** What every {@link LogStore} must do that is repaired from peers; beside {@link logStoreCases}. */
export const repairCases: readonly LogStoreCase[] = [
  {
    title: 'cuts its end where it is told to, and knows that it was there',
    async run(harness) {
      await cutAndFetched(harness, 9);
    },
  },
  {
    title: 'cuts off entries that had replaced others, and shows none of those',
    async run(harness) {
      await cutAndFetched(harness, 6);
    },
  },
  {
    title: 'cuts nothing where nothing stands, and yet knows that its end is lost',
    async run(harness) {
      await cutAndFetched(harness, 11);
    },
  },
];
