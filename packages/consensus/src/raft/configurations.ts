import { assert, type LogIndex, logIndex } from '@tutti/kernel';
import { Electorate } from './electorate.ts';
import { decodeMembership } from './membership-codec.ts';
import type { Entry, Membership, SnapshotMeta } from './messages.ts';
import type { RaftLog } from './raft-log.ts';

/** A configuration and the entry that holds it; index 0, or a snapshot's, for one that came without an entry. */
export interface Configuration {
  readonly index: LogIndex;
  readonly electorate: Electorate;
}

const SCAN_BYTES = 1024 * 1024;

/**
 * The configurations of the log from the snapshot on, oldest first. "A server always uses the latest configuration in
 * its log, regardless of whether the entry is committed" (Raft paper 6), so it changes when an entry is appended, and
 * changes back when that entry is truncated. What it changes back to is never lost: the first one held is that of the
 * snapshot or of an entry that was applied, and what is applied is not truncated.
 */
export class Configurations {
  #held: Configuration[];

  constructor(base: Configuration) {
    this.#held = [base];
  }

  /** Those of a log on disk: `initial` is in force at the snapshot, or at the beginning of a log that has none. */
  static of(log: RaftLog, initial: Membership): Configurations {
    const index = log.snapshot()?.meta.index ?? logIndex(0);
    const found = new Configurations({ index, electorate: new Electorate(initial) });
    let from = Math.max(index + 1, log.firstIndex);
    while (from <= log.lastIndex) {
      const entries = log.entries(logIndex(from), log.lastIndex, SCAN_BYTES);
      assert(entries.length > 0, 'a log gives what it says it holds');
      for (const entry of entries) found.appended(entry);
      from += entries.length;
    }
    return found;
  }

  /** The one in force at this node. */
  get latest(): Configuration {
    return this.#held.at(-1)!;
  }

  /** The one in force at `index`, which is applied or later. */
  at(index: number): Configuration {
    return this.#held.findLast((held) => held.index <= index) ?? this.#held[0]!;
  }

  appended(entry: Entry): void {
    if (entry.kind !== 'membership') return;
    this.#held.push({ index: entry.index, electorate: new Electorate(decodeMembership(entry.data)) });
  }

  /** Entries from `index` on are dropped. */
  truncatedFrom(index: number): void {
    while (this.#held.length > 1 && this.latest.index >= index) this.#held.pop();
  }

  /** A snapshot has replaced the log. */
  reset({ index, membership }: SnapshotMeta): void {
    this.#held = [{ index, electorate: new Electorate(membership) }];
  }

  /** Forgets what nothing can bring back: those before the one in force at `index`, which is applied. */
  forgetBefore(index: number): void {
    const kept = this.#held.findLastIndex((held) => held.index <= index);
    if (kept > 0) this.#held.splice(0, kept);
  }
}
