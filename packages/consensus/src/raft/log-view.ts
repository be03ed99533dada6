import { assert, type LogIndex, logIndex, type Term, term } from '@tutti/kernel';
import { Configurations } from './configurations.ts';
import type { Entry, Membership, SnapshotMeta } from './messages.ts';
import type { RaftLog } from './raft-log.ts';

interface Flight {
  readonly sequence: number;
  /** The last entry this batch makes durable, if nothing truncates it first. */
  lastIndex: number;
}

/**
 * The log as the core sees it: what is durable, read through {@link RaftLog}, followed by a tail in memory that is
 * not durable yet. The tail wins where both have an entry.
 *
 * An acknowledgement from the disk is matched by the batch's sequence. Index alone would not do: entries 10 to 12 of
 * one term may be under way, be truncated, and be replaced by others with the same indexes before the first flush
 * reports; the report must not vouch for the replacements. So truncating shortens every batch under way.
 */
export class LogView {
  readonly #log: RaftLog;
  /** The configurations among the entries, changed with them and never apart. */
  readonly configurations: Configurations;
  /** Entries from `#tailFrom` on, in memory until they are durable. */
  #tail: Entry[] = [];
  #tailFrom: number;
  /** The last entry that has been handed out for writing. */
  #handed: number;
  #durable: number;
  #flights: Flight[] = [];
  #lastTerm: Term;

  constructor(log: RaftLog, initial: Membership) {
    this.#log = log;
    this.configurations = Configurations.of(log, initial);
    this.#tailFrom = log.lastIndex + 1;
    this.#handed = log.lastIndex;
    this.#durable = log.lastIndex;
    const lastTerm = log.termAt(log.lastIndex);
    assert(lastTerm !== undefined || log.lastIndex === 0, 'the term of the last entry is known');
    this.#lastTerm = lastTerm ?? term(0);
  }

  get firstIndex(): LogIndex {
    return this.#log.firstIndex;
  }

  get lastIndex(): LogIndex {
    return logIndex(this.#tailFrom + this.#tail.length - 1);
  }

  get lastTerm(): Term {
    return this.#lastTerm;
  }

  /** The last entry that is on this node's disk, with everything before it. */
  get durableIndex(): LogIndex {
    return logIndex(this.#durable);
  }

  /** The last entry of the stored snapshot; 0 without one. */
  get snapshotIndex(): LogIndex {
    return this.#log.snapshot()?.meta.index ?? logIndex(0);
  }

  /** Whether entries wait to be handed out for writing. */
  get hasUnwritten(): boolean {
    return this.#handed < this.lastIndex;
  }

  /** Whether every entry is durable and no batch is under way. */
  get isQuiet(): boolean {
    return this.#flights.length === 0 && !this.hasUnwritten;
  }

  /** This view, tail and all, for those who only read. */
  asRaftLog(): RaftLog {
    return {
      firstIndex: this.firstIndex,
      lastIndex: this.lastIndex,
      snapshot: () => this.#log.snapshot(),
      termAt: (index) => this.termAt(index),
      entries: (from, to, bytesMax) => this.entries(from, to, bytesMax),
    };
  }

  termAt(index: number): Term | undefined {
    if (index === 0) return term(0);
    if (index > this.lastIndex || index < 0) return undefined;
    return index >= this.#tailFrom
      ? this.#tail[index - this.#tailFrom]!.term
      : this.#log.termAt(logIndex(index));
  }

  /** Whether this log has the entry; index 0 is in every log. */
  matches(index: number, term: Term): boolean {
    return this.termAt(index) === term;
  }

  /** {@link RaftLog.entries}; may stop where the memory begins. */
  entries(from: number, to: number, bytesMax: number): readonly Entry[] {
    assert(from <= to && to <= this.lastIndex, 'entries are asked for within the log');
    if (from < this.#tailFrom) {
      return this.#log.entries(logIndex(from), logIndex(Math.min(to, this.#tailFrom - 1)), bytesMax);
    }
    const start = from - this.#tailFrom;
    const limit = to - this.#tailFrom;
    let end = start;
    for (let bytes = 0; end <= limit; end++) {
      bytes += this.#tail[end]!.data.length;
      if (bytes > bytesMax && end > start) break;
    }
    return this.#tail.slice(start, end);
  }

  append(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, 'the log has no gaps');
    assert(entry.term >= this.#lastTerm, 'terms do not fall along the log');
    this.configurations.appended(entry);
    this.#tail.push(entry);
    this.#lastTerm = entry.term;
  }

  /** Drops `index` and everything after it. */
  truncateFrom(index: number): void {
    const kept = index - 1;
    this.configurations.truncatedFrom(index);
    if (index <= this.#tailFrom) {
      this.#tail = [];
      this.#tailFrom = index;
    } else {
      this.#tail.length = index - this.#tailFrom;
    }
    this.#handed = Math.min(this.#handed, kept);
    this.#durable = Math.min(this.#durable, kept);
    for (const flight of this.#flights) flight.lastIndex = Math.min(flight.lastIndex, kept);
    const lastTerm = this.termAt(kept);
    assert(lastTerm !== undefined, 'the entry before a truncated one is known');
    this.#lastTerm = lastTerm;
  }

  /** The entries to write now, under the sequence of their batch. */
  handOut(sequence: number): readonly Entry[] {
    const entries = this.#tail.slice(this.#handed + 1 - this.#tailFrom);
    this.#handed = this.lastIndex;
    this.#flights.push({ sequence, lastIndex: this.#handed });
    return entries;
  }

  /** The batch `sequence` and all before it are durable. */
  persisted(sequence: number): void {
    let done = 0;
    for (const flight of this.#flights) {
      if (flight.sequence > sequence) break;
      this.#durable = Math.max(this.#durable, flight.lastIndex);
      done++;
    }
    if (done === 0) return;
    this.#flights.splice(0, done);
    const settled = this.#durable + 1 - this.#tailFrom;
    if (settled <= 0) return;
    this.#tail.splice(0, settled);
    this.#tailFrom += settled;
  }

  /** The store has replaced its log by a snapshot; nothing of the old log is left. */
  reset(meta: SnapshotMeta): void {
    this.configurations.reset(meta);
    this.#tail = [];
    this.#tailFrom = meta.index + 1;
    this.#handed = meta.index;
    this.#durable = meta.index;
    this.#lastTerm = meta.term;
    for (const flight of this.#flights) flight.lastIndex = 0;
  }

  /**
   * The last place at or before `index` whose term is not above `limit`: where two logs can agree at all. Both sides
   * use it, so that a conflict costs one round trip per term, not per entry (Raft paper 5.3).
   */
  lastWithTermAtMost(index: number, limit: Term): { readonly index: LogIndex; readonly term: Term } {
    let at = Math.min(index, this.lastIndex);
    for (; at > 0; at--) {
      const found = this.termAt(at);
      if (found === undefined) return { index: logIndex(at), term: term(0) };
      if (found <= limit) return { index: logIndex(at), term: found };
    }
    return { index: logIndex(0), term: term(0) };
  }
}
