import { type LogIndex, lastOf, logIndex, type Term } from '@tutti/kernel';
import type { Entry, HardState, SnapshotMeta } from '../raft/messages.ts';
import type { LogStoreState } from './log-store.ts';

/**
 * A stretch of the log that was flushed once and cannot be read any more. The entry at `to + 1` is whole. `to` is
 * `from - 1` where nothing need be missing, but what stands before the damage may have been replaced within it: only
 * the seam between `from - 1` and `from` is in doubt then.
 */
export interface LostRange {
  readonly from: LogIndex;
  readonly to: LogIndex;
}

/** Indexes, lowest first, as ranges. */
export function rangesOf(indexes: readonly number[]): readonly LostRange[] {
  const ranges: { from: LogIndex; to: LogIndex }[] = [];
  for (const at of indexes) {
    const index = logIndex(at);
    const last = ranges.at(-1);
    if (last && last.to + 1 === index) last.to = index;
    else ranges.push({ from: index, to: index });
  }
  return ranges;
}

/** Whether an index is in one of some ranges, which stand apart and lowest first. */
export function isWithin(ranges: readonly LostRange[], index: number): boolean {
  const last = lastOf(ranges, ({ from }) => from <= index);
  return last !== undefined && index <= last.to;
}

/** What is left of some ranges without others, in whatever order those are. */
export function without(ranges: readonly LostRange[], taken: readonly LostRange[]): readonly LostRange[] {
  let left = ranges;
  for (const { from, to } of taken)
    left = left.flatMap((range) => {
      if (range.to < from || range.from > to) return [range];
      const before = range.from < from ? [{ from: range.from, to: logIndex(from - 1) }] : [];
      const after = range.to > to ? [{ from: logIndex(to + 1), to: range.to }] : [];
      return [...before, ...after];
    });
  return left;
}

/**
 * What a store found that it cannot vouch for any more. Until a store has no damage, its node takes no part in
 * consensus: it may have promised what it cannot remember. Nothing is dropped or overwritten before `repair`.
 */
export interface StoreDamage {
  /** What was found first, for people: a `TUTTI_STORE_CORRUPT` that names file, byte and problem. */
  readonly failure: Error;
  /**
   * Lost entries, lowest first, apart from each other. `termAt` is undefined for them, unless the store was running
   * and still knows; `entries` gives none of them. One that begins at 1 where the log begins later means: the
   * snapshot that led up to the log is lost.
   */
  readonly lost: readonly LostRange[];
  /** There were entries after `lastIndex`, and it is not known how many: nothing after the damage tells. */
  readonly endLost: boolean;
  /**
   * `hardState` is the newest that can be read, and a newer one may have been written. No step but `whole` ends that,
   * nor does a restart: entries that are fetched again do not bring back a vote.
   */
  readonly hardStateLost: boolean;
}

/**
 * One step of putting a damaged store right, durable when it calls back. One that fails with `TUTTI_STORE_FULL` can be
 * taken again when there is space.
 *
 * - `entries`: fills the first lost range to its end, or passes a seam. They may begin further back than `from`, where
 *   a peer's log shows that what stands there had been replaced; they are empty where a seam is as it should be.
 * - `snapshot`: a snapshot that was fetched has been committed in this store; it leads up to the log now. What of the
 *   log it covers, or contradicts, is dropped. As in `open`.
 * - `cut`: drops `from` and everything after it, and what was written behind that; from then on the end is lost
 *   (`endLost`), also after a restart. The log may end before `from - 1`: the state says where.
 * - `whole`: the end is known again (it was written by `append`), and so is the hard state, which is written if given.
 */
export type RepairStep =
  | { readonly kind: 'entries'; readonly entries: readonly Entry[] }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'cut'; readonly from: LogIndex }
  | { readonly kind: 'whole'; readonly hardState: HardState | undefined };

/** `state` says what the store holds after the step, and what is still damaged. */
export type RepairCallback = (failure: Error | undefined, state?: LogStoreState) => void;

/**
 * Whether a log goes on from a snapshot, so that what comes after the snapshot is kept. If the snapshot's last entry
 * is there, its term says so. If it was lost, the next whole entry does: the snapshot's last is committed, so it is in
 * the log of every leader of its term or a later one (leader completeness, Raft figure 3), and before every entry that
 * such a leader made.
 */
export function leadsTo(
  meta: SnapshotMeta,
  lastIndex: LogIndex,
  termAt: (index: number) => Term | undefined,
): boolean {
  const own = termAt(meta.index);
  if (own !== undefined) return own === meta.term;
  for (let index = meta.index + 1; index <= lastIndex; index++) {
    const later = termAt(index);
    if (later !== undefined) return later >= meta.term;
  }
  return false;
}
