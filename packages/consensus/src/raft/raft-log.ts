import { isTuttiError, type LogIndex, type Term } from '@tutti/kernel';
import type { Entry, SnapshotMeta } from './messages.ts';

/**
 * What a core may ask of the log on disk, read-only and synchronous; a `LogStore` fits it. The core never asks for
 * what it has not been told is durable: until then the entries are in its own tail.
 */
export interface RaftLog {
  /** The first entry held; `lastIndex + 1` when there is none. */
  readonly firstIndex: LogIndex;
  /** The last entry held, or the snapshot's index when there is none; 0 for a fresh log. */
  readonly lastIndex: LogIndex;
  snapshot(): { readonly meta: SnapshotMeta } | undefined;
  /** Term of an entry that is held, or of the snapshot's last; 0 for index 0; undefined if neither. */
  termAt(index: LogIndex): Term | undefined;
  /**
   * Entries `from` to `to`, both included, cut off after `maxBytes` of data but never empty.
   * @throws TuttiError `TUTTI_STORE_CORRUPT`: one of them has decayed
   */
  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[];
}

const NOTHING: readonly Entry[] = [];

/** {@link RaftLog.entries}; only the first where others have decayed, and none where that one has. */
export function readableEntries(
  log: Pick<RaftLog, 'entries'>,
  from: LogIndex,
  to: LogIndex,
  maxBytes: number,
): readonly Entry[] {
  try {
    return log.entries(from, to, maxBytes);
  } catch (thrown) {
    if (!isTuttiError(thrown, 'TUTTI_STORE_CORRUPT')) throw thrown;
    return from < to ? readableEntries(log, from, from, maxBytes) : NOTHING;
  }
}
