import type { LogIndex, NodeId } from '@tutti/kernel';
import type { Entry, HardState, InstallSnapshot, RaftMessage, SnapshotMeta } from './messages.ts';

/** A linearizable read that may be answered once `index` has been applied. */
export interface ReadState {
  readonly requestId: number;
  readonly index: LogIndex;
}

/** A peer does not have any more what it had acknowledged to this leader: its disk forgot it. */
export interface LogReversion {
  readonly peer: NodeId;
  /** The last entry that it had acknowledged, in this term. */
  readonly acknowledged: LogIndex;
  /** The last that it may still have. */
  readonly hint: LogIndex;
}

/** A batch of log writes. `sequence` grows by one per batch and comes back with the completion. */
export interface PersistBatch {
  readonly sequence: number;
  /** Written and flushed before this batch's messages leave, when present. */
  readonly hardState: HardState | undefined;
  /** Entries to write. The first may overwrite: everything on disk from its index on is to be dropped first. */
  readonly entries: readonly Entry[];
}

/**
 * What a Raft core wants done, in this order:
 * 1. send `messages` now: they promise nothing about this node's disk;
 * 2. write and flush `persist`; when it is durable, send `afterPersist` and call `core.persisted(sequence)`;
 * 3. apply `committed` in order (they are on a quorum's disks, and in memory here), then call `core.applied(index)`;
 * 4. answer `reads` whose index has been applied; `lostReads` could not be confirmed and must be asked again;
 * 5. stream the stored snapshot to each peer of `snapshotsTo`, and report the end through `core.snapshotSent`;
 * 6. write `snapshotChunks` and answer each with an InstallSnapshotReply (`installed: false`, bytes held so far);
 *    when a snapshot is whole and durable, call `core.snapshotReceived(meta)`;
 * 7. if `install` is there, replace state machine and log by the stored snapshot, then call `core.restored(meta)`,
 *    upon which the core tells the leader. Until then it takes no entries and hands none out.
 *
 * Batches are handed to the disk in order of `sequence`; a later one may be merged with an earlier that has not
 * begun. A leader's entries go out in `messages` while `persist` is still being written: its own disk counts for
 * the quorum only after `persisted`, which the core matches by sequence, never by index alone.
 */
export interface Ready {
  readonly messages: readonly RaftMessage[];
  readonly persist: PersistBatch | undefined;
  readonly afterPersist: readonly RaftMessage[];
  readonly committed: readonly Entry[];
  readonly reads: readonly ReadState[];
  readonly lostReads: readonly number[];
  readonly snapshotsTo: readonly NodeId[];
  /** Chunks of a snapshot that this node wants, from the leader of its term; unwanted ones the core has answered. */
  readonly snapshotChunks: readonly InstallSnapshot[];
  /** A snapshot that was received: replace the state machine and the log by it, then call `core.restored(meta)`. */
  readonly install: SnapshotMeta | undefined;
  /** For people: the core has taken back what it counted of these peers, and brings them up again. */
  readonly reversions: readonly LogReversion[];
}
