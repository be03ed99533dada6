import type { LogIndex, Term } from '@tutti/kernel';
import type { Entry, HardState, SnapshotMeta } from '../raft/messages.ts';
import type { MendCallback, ScrubCallback, ScrubDamage } from './scrub.ts';
import type { RepairCallback, RepairStep, StoreDamage } from './store-damage.ts';

/** Told once when a write is on disk, or that it failed. After a failure the store refuses every later write. */
export type WriteCallback = (failure: Error | undefined) => void;

/** One durable write: hard state and entries together, flushed once. */
export interface LogWrite {
  readonly hardState: HardState | undefined;
  /** If the first one's index is not last + 1, everything from it on is truncated as part of this write. */
  readonly entries: readonly Entry[];
}

/** What a store holds when it is opened. */
export interface LogStoreState {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta | undefined;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** What is damaged and has to be fetched from peers, by `repair`, before this node may take part. */
  readonly damage?: StoreDamage | undefined;
}

/** A finished snapshot's contents. */
export interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly totalBytes: number;
  readonly checksum: number;
  /**
   * Reads up to `length` bytes from `offset`. The bytes belong to the caller. What is damaged is not given:
   * `TUTTI_STORE_CORRUPT`.
   */
  read(offset: number, length: number, done: (failure: Error | undefined, data: Uint8Array) => void): void;
  /** Keeps the contents readable, also when a newer snapshot replaces this one, until what it returns is called. */
  hold(): () => void;
}

/** A snapshot being written; nothing of it is visible until `commit` has called back. */
export interface SnapshotWriter {
  readonly meta: SnapshotMeta;
  /** Bytes written so far. */
  readonly size: number;
  write(data: Uint8Array, done: WriteCallback): void;
  /** Flushes, renames into place, forgets older snapshots. `checksum` is compared if given. */
  commit(
    checksum: number | undefined,
    done: (failure: Error | undefined, stored?: StoredSnapshot) => void,
  ): void;
  abort(): void;
}

/**
 * Where a replica keeps its log. Callbacks, not promises, so that the simulator decides every completion. The
 * driver keeps one write in flight; completions come in order. The store owns what it is given; entries handed
 * out must not be changed. One process at a time may have it open.
 */
export interface LogStore {
  /**
   * Reads what is on disk. A log that lacks the stored snapshot's last entry, or has it under another term, is
   * dropped as a whole and continues after the snapshot; one that has it is kept (Raft figure 13). What a crash left
   * of a write that nobody was told of is cut off; damage to what had been flushed is reported in the state, and
   * nothing is changed.
   * @throws TuttiError (through the callback) see `docs/reference/errors.md`, `TUTTI_STORE_*`
   */
  open(done: (failure: Error | undefined, state?: LogStoreState) => void): void;
  /** Writes and flushes; calls back when durable. */
  append(write: LogWrite, done: WriteCallback): void;
  /** The first entry held; `lastIndex + 1` when there is none. Follows every append and compaction at once. */
  readonly firstIndex: LogIndex;
  /** The last entry held (its write may be under way), or the snapshot's index when there is none; 0 if fresh. */
  readonly lastIndex: LogIndex;
  /**
   * Term of the entry if it is held, even where a stored snapshot says otherwise; else of the snapshot's last; 0 for
   * index 0; undefined if neither. Answered from memory.
   */
  termAt(index: LogIndex): Term | undefined;
  /**
   * Entries `from` to `to` (both included), fewer if they exceed `maxBytes`, at least one. Includes entries whose
   * write is not durable yet. Synchronous: the tail is in memory, older entries are read from the segment. Decay that is
   * met is looked into, and told as {@link LogStore.onDecay} says.
   * @throws TuttiError `TUTTI_STORE_CORRUPT` if one of them has decayed
   */
  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[];
  /**
   * Whether there is space for the log to grow into; looks for some, for the next call, where there was none. While
   * there is none, what was taken already still has its place or waits for one, and so have votes and terms for a good
   * while; a node should take no more entries. Not there: the store does not know.
   */
  checkRoom?(): boolean;
  /** Called now and then while nothing is being written: time to note down what does not have to be noted at once. */
  settle?(): void;
  snapshot(): StoredSnapshot | undefined;
  beginSnapshot(meta: SnapshotMeta): SnapshotWriter;
  /**
   * Drops entries up to and including `index` that the stored snapshot covers; whole segments at a time, later.
   */
  compact(index: LogIndex): void;
  /** Drops the whole log and continues after the stored snapshot: its state replaced ours. */
  resetToSnapshot(done: WriteCallback): void;
  /** Takes one step in putting damage right that `open` reported. */
  repair(step: RepairStep, done: RepairCallback): void;
  /**
   * Reads about `bytesMax` bytes more of what is stored, from where the last call ended, and checks them: the log, then
   * the snapshot, then anew. Reads nothing while a write is under way, unless it is to be read `besideWrites`. One call at a
   * time, of this or `mend`. Not there: the store holds nothing that could decay, or somebody else reads it.
   */
  scrub?(bytesMax: number, besideWrites: boolean, done: ScrubCallback): void;
  /**
   * Has `found` told of damage that is found where the store is read by anybody but {@link LogStore.scrub}, until it is
   * closed: by whoever else reads it again, or by `entries`.
   */
  onDecay?(found: (damage: ScrubDamage) => void): void;
  /**
   * Puts right what was found damaged in the log, while the store is in use. `entries` are those that were called
   * lost, as peers hold them. Of those that are missing, what the stored snapshot covers is dropped, with all before it;
   * if others are missing, nothing is changed.
   */
  mend?(entries: readonly Entry[], done: MendCallback): void;
  close(done: WriteCallback): void;
}
