import { assert, type Clock, logIndex, TuttiError, term } from '@tutti/kernel';
import type { Entry } from '../raft/messages.ts';
import type { LogStore, WriteCallback } from '../storage/log-store.ts';
import { GroupLog, GroupState } from './group-log.ts';
import { decodeRecord, type EncodedRecord } from './group-record.ts';
import { RecoveredGroup } from './recovered-group.ts';
import { SharedLogCleaner } from './shared-log-cleaner.ts';

/** Where a group keeps its snapshot: the part of a log store that has to do with it. */
export type GroupSnapshots = Pick<LogStore, 'open' | 'close' | 'snapshot' | 'beginSnapshot'>;

export interface SharedLogOptions {
  /** Holds the records of all groups as entries of its own. Opened and closed by the shared log, and used by it alone. */
  readonly store: LogStore;
  /** Where each group keeps its snapshot. */
  readonly snapshots: (group: string) => GroupSnapshots;
  readonly clock: Clock;
  /**
   * Once the log has grown by so many bytes, its older half is dropped; what groups still need of it is written again
   * first. Default 64 MiB. It grows to more where groups need more: at most by what was written again, twice.
   */
  readonly logBytes?: number;
}

/** Bytes of records that are handed to the store as one write at most. */
const WRITE_BYTES_MAX = 4 * 2 ** 20;
/** Bytes of the log that are read in one turn when it is opened. */
const READ_BYTES = 2 ** 20;

interface Waiting {
  readonly data: Uint8Array;
  readonly done: WriteCallback;
}

/**
 * One log for the groups of a process: what they write in one turn of the event loop, and while a flush is under way, is
 * one write and one flush. Each group gets a `LogStore` of its own on it, with its own truncation, compaction and
 * snapshot; reading back tells the groups apart.
 *
 * It is a log of records over any `LogStore`, so durability, the treatment of torn writes and the checks against damage
 * are that store's. Damage of a log that several groups share cannot be repaired from the peers of one: it is refused.
 */
export class SharedLog {
  readonly #store: LogStore;
  readonly #options: SharedLogOptions;
  readonly #clock: Clock;
  readonly #groups = new Map<string, GroupState>();
  readonly #cleaner: SharedLogCleaner;
  /** Records that the store has not been given yet, by index. */
  readonly #waiting = new Map<number, Waiting>();
  #nextIndex = 1;
  #scheduled = false;
  #writing = false;
  #opened = false;
  #lastRead: { readonly record: number; readonly data: Uint8Array } | undefined;

  constructor(options: SharedLogOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#cleaner = new SharedLogCleaner({
      store: this.#store,
      clock: this.#clock,
      logBytes: options.logBytes ?? 64 * 2 ** 20,
      groups: () => this.#groups.values(),
      write: (record, done) => this.write(record, done),
      read: (record) => this.read(record),
    });
  }

  /** Reads what is on disk and tells the groups apart. @throws TuttiError (through the callback) `TUTTI_STORE_*` */
  open(done: WriteCallback): void {
    this.#store.open((failure, state) => {
      if (failure) return done(failure);
      const { firstIndex, lastIndex, damage } = state!;
      if (damage) return this.#store.close(() => done(damage.failure));
      this.#nextIndex = lastIndex + 1;
      this.#cleaner.begin(firstIndex);
      const found = new Map<string, RecoveredGroup>();
      const fail = (thrown: unknown): void => {
        this.#store.close(() => done(thrown instanceof Error ? thrown : new Error(String(thrown))));
      };
      const readFrom = (from: number): void => {
        try {
          if (from <= lastIndex) {
            const entries = this.#store.entries(logIndex(from), lastIndex, READ_BYTES);
            assert(entries.length > 0, 'what the store holds can be read');
            for (const entry of entries) this.#recover(entry, found);
            return this.#clock.nextTurn(() => readFrom(entries.at(-1)!.index + 1));
          }
          for (const [group, recovered] of found)
            this.#groups.set(group, new GroupState(group, recovered.rows(), recovered));
        } catch (thrown) {
          return fail(thrown);
        }
        this.#opened = true;
        done(undefined);
      };
      readFrom(firstIndex);
    });
  }

  #recover(entry: Entry, found: Map<string, RecoveredGroup>): void {
    const record = decodeRecord(entry.data);
    let group = found.get(record.group);
    if (!group) found.set(record.group, (group = new RecoveredGroup(record.group)));
    group.take(record, entry.index);
    this.#cleaner.wrote(entry.index, entry.data.length);
  }

  /** Bytes of records that the log holds, needed or not. */
  get bytes(): number {
    return this.#cleaner.bytes;
  }

  /** The log of one group. It can be opened once the shared one is. */
  group(group: string): LogStore {
    return new GroupLog(this, this.#options.snapshots(group), () => this.#stateOf(group), this.#clock);
  }

  #stateOf(group: string): GroupState {
    if (!this.#opened) throw new TuttiError('TUTTI_CLOSED', { what: 'The shared log' });
    let state = this.#groups.get(group);
    if (!state) this.#groups.set(group, (state = new GroupState(group)));
    return state;
  }

  /** Appends a record, and gives its place at once; calls back when it is durable. */
  write({ data }: EncodedRecord, done: WriteCallback): number {
    const index = this.#nextIndex++;
    this.#waiting.set(index, { data, done });
    this.#cleaner.wrote(index, data.length);
    this.#schedule();
    return index;
  }

  /** The bytes of a record, from memory or from the store. */
  read(record: number): Uint8Array {
    const waiting = this.#waiting.get(record);
    if (waiting) return waiting.data;
    if (this.#lastRead?.record === record) return this.#lastRead.data;
    const [entry] = this.#store.entries(logIndex(record), logIndex(record), Infinity);
    assert(entry, 'a record that is needed is in the log');
    this.#lastRead = { record, data: entry.data };
    return entry.data;
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    this.#clock.nextTurn(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** One write under way; what comes meanwhile is the next. */
  #flush(): void {
    const entries: Entry[] = [];
    const told: WriteCallback[] = [];
    let bytes = 0;
    for (const [index, { data, done }] of this.#waiting) {
      if (bytes > 0 && bytes + data.length > WRITE_BYTES_MAX) break;
      bytes += data.length;
      entries.push({ index: logIndex(index), term: term(1), kind: 'command', data });
      told.push(done);
    }
    if (entries.length === 0) return;
    this.#writing = true;
    const write = { hardState: undefined, entries };
    this.#store.append(write, (failure) => {
      this.#writing = false;
      if (this.#waiting.size > 0) this.#flush();
      for (const tell of told) tell(failure);
      if (!failure) this.#cleaner.written(entries.at(-1)!.index);
    });
    // The store shows them from now on.
    for (const { index } of entries) this.#waiting.delete(index);
  }

  /** Waits for what is being written, and lets go of the store. */
  close(done: WriteCallback): void {
    this.#opened = false;
    this.#cleaner.end(() => this.#store.close(done));
  }
}
