import { type Clock, isTuttiError, type Logger, logIndex } from '@tutti/kernel';
import type { Entry } from '../raft/messages.ts';
import { attempt } from '../replica/turn-budget.ts';
import type { LogStore, WriteCallback } from '../storage/log-store.ts';
import { storeDropMark } from './drop-mark.ts';
import {
  type EncodedRecord,
  encodeRecord,
  entryAt,
  FORGOTTEN_RECORDS,
  type MendedRecords,
  type RecordKind,
} from './group-record.ts';
import type { GroupState } from './group-state.ts';
import { JointWrite } from './joint-write.ts';

/** Bytes of entries in one record of what is kept. */
export const KEPT_BYTES = 256 * 1024;

export interface SharedLogCleanerParts {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly logBytes: number;
  readonly groups: () => Iterable<GroupState>;
  /** Whether records were lost whose groups nobody knows. */
  readonly hasLostRecords: () => boolean;
  readonly write: (record: EncodedRecord, done: WriteCallback) => number;
  readonly read: (record: number) => Uint8Array;
  /** The records up to here are gone. */
  readonly dropped: (index: number) => void;
  readonly logger: Logger;
}

/** How far the log had come, in bytes, at one of its records. */
interface Mark {
  readonly index: number;
  readonly bytes: number;
}

/**
 * Keeps a shared log short, as a log-structured file system does (Rosenblum and Ousterhout, 1992): what is still needed
 * of its older half is written again at its end, and then the older half is dropped.
 *
 * The store only drops what a snapshot of its own covers. That snapshot says nothing; the records written again do.
 */
export class SharedLogCleaner {
  readonly #parts: SharedLogCleanerParts;
  #marks: Mark[] = [];
  #firstBytes = 0;
  #totalBytes = 0;
  #cleanAt: number;
  #durable = 0;
  #cleaning = false;
  #whenEnded: (() => void) | undefined;
  #ended = false;

  constructor(parts: SharedLogCleanerParts) {
    this.#parts = parts;
    this.#cleanAt = parts.logBytes;
  }

  get bytes(): number {
    return this.#totalBytes - this.#firstBytes;
  }

  begin(firstIndex: number): void {
    this.#marks = [{ index: firstIndex - 1, bytes: 0 }];
  }

  /** A record of so many bytes has its place now. */
  wrote(index: number, bytes: number): void {
    this.#totalBytes += bytes;
    const step = this.#parts.logBytes / 64;
    if (this.#totalBytes - this.#marks.at(-1)!.bytes >= step)
      this.#marks.push({ index, bytes: this.#totalBytes });
  }

  /** Everything up to `index` is durable. */
  written(index: number): void {
    this.#durable = index;
    if (this.bytes >= this.#cleanAt && !this.#cleaning && !this.#ended) this.#clean();
  }

  /** Calls back when nothing is under way any more. */
  end(done: () => void): void {
    this.#ended = true;
    if (this.#cleaning) this.#whenEnded = done;
    else done();
  }

  #clean(): void {
    const half = this.#firstBytes + this.bytes / 2;
    const cut = this.#marks.findLast(({ index, bytes }) => bytes <= half && index <= this.#durable);
    if (!cut || cut === this.#marks[0]) return;
    this.#cleaning = true;
    let keptBytes = 0;
    const joint = new JointWrite((failure) => {
      if (failure) this.#putOff(failure);
      else this.#drop(cut, keptBytes);
    });
    // Of a group of which nothing is left, only this tells that there may have been something.
    if (this.#parts.hasLostRecords()) this.#parts.write(encodeRecord(FORGOTTEN_RECORDS, []), joint.one());
    const groups = this.#parts.groups()[Symbol.iterator]();
    const next = (): void => {
      if (this.#ended) return joint.end(new Error('closed'));
      for (;;) {
        const { done, value: group } = groups.next();
        if (done) return joint.end();
        if (group.loss) {
          // A reset says what a group has forgotten, and that nothing before it counts.
          this.rewrite(group, joint.one());
          return this.#parts.clock.nextTurn(next);
        }
        const { failure: unread, value: records = [] } = attempt(() => this.#keep(group, cut.index));
        if (unread) return joint.end(unread);
        for (const entries of records) keptBytes += this.put(group, 'kept', entries, joint.one());
        if (records.length > 0) return this.#parts.clock.nextTurn(next);
      }
    };
    next();
  }

  /**
   * Nothing is dropped while something that is needed cannot be read: it is tried again when the log has grown some more,
   * and until then what has decayed may have been mended.
   */
  #putOff(failure: Error): void {
    this.#cleanAt = this.bytes + this.#parts.logBytes / 8;
    if (!this.#ended)
      this.#parts.logger.warn({ error: failure.message }, 'A shared log could not be cleaned; it grows on');
    this.#stop();
  }

  /**
   * Writes all that a group has once more, after a word that nothing before counts. What cannot be read is cut off with
   * all behind it if the end of the group's log is lost in any case; otherwise that is refused.
   */
  rewrite(group: GroupState, done: WriteCallback, isEndLost = false): void {
    const { failure: unread, value: records = [] } = attempt(() => this.#keep(group, Infinity, isEndLost));
    if (unread) return this.#parts.clock.nextTurn(() => done(unread));
    const joint = new JointWrite(done);
    this.put(group, 'reset', [], joint.one());
    for (const entries of records) this.put(group, 'kept', entries, joint.one());
    joint.end();
  }

  /** Writes entries that a group has, and its term and vote, in a place of their own. @returns the bytes of the record */
  put(
    group: GroupState,
    kind: RecordKind,
    entries: readonly Entry[],
    done: WriteCallback,
    mends?: MendedRecords,
  ): number {
    const encoded = encodeRecord(group.head(kind, group.hardState, { mends }), entries);
    const record = this.#parts.write(encoded, done);
    group.wrote(record, true);
    for (const row of encoded.rows) group.rows.place(row, record);
    return encoded.data.length;
  }

  /** What the group needs of the log up to `cut`, in the pieces in which it is to be written again. */
  #keep(group: GroupState, cut: number, isEndLost = false): Entry[][] {
    const runs: Entry[][] = [];
    let bytes = Infinity;
    for (let index = group.rows.base + 1; index <= group.rows.lastIndex; index++) {
      if (group.rows.recordOf(index) > cut) continue;
      const { failure, value: entry } = attempt(() => this.#entryOf(group, index));
      if (failure && !(isEndLost && isTuttiError(failure, 'TUTTI_STORE_CORRUPT'))) throw failure;
      if (!entry) {
        group.rows.truncateFrom(index);
        break;
      }
      if (bytes >= KEPT_BYTES) {
        runs.push([]);
        bytes = 0;
      }
      runs.at(-1)!.push(entry);
      bytes += entry.data.length;
    }
    const isNeeded =
      group.newestRecord <= cut || group.hardStateRecord <= cut || group.rows.base > group.loggedBase;
    if (runs.length === 0 && isNeeded) runs.push([]);
    return runs;
  }

  #entryOf({ rows }: GroupState, index: number): Entry {
    return entryAt(this.#parts.read(rows.recordOf(index)), rows.rowAt(index));
  }

  #drop(cut: Mark, keptBytes: number): void {
    const { store } = this.#parts;
    storeDropMark(store, cut.index, (failure) => {
      if (!failure && !this.#ended) {
        store.compact(logIndex(cut.index));
        this.#parts.dropped(cut.index);
        this.#firstBytes = cut.bytes;
        this.#marks = this.#marks.filter(({ bytes }) => bytes >= cut.bytes);
        this.#cleanAt = this.#parts.logBytes + 2 * keptBytes;
      }
      this.#stop();
    });
  }

  #stop(): void {
    this.#cleaning = false;
    this.#whenEnded?.();
  }
}
