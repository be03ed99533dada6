import { assert, type LogIndex, type NodeId, type Random, type Term } from '@tutti/kernel';
import type { RaftConfig } from './config.ts';
import type { HardState, Membership, RaftMessage, SnapshotMeta } from './messages.ts';
import type { RaftLog } from './raft-log.ts';
import type { Ready } from './ready.ts';

/** What a core believes itself to be. A learner is a follower that has no vote. */
export type RaftRole = 'follower' | 'pre-candidate' | 'candidate' | 'leader' | 'learner';

/** How far one peer is, as its leader sees it. */
export interface PeerProgress {
  readonly peer: NodeId;
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  /** Whether it answered since the last look at the quorum. */
  readonly active: boolean;
}

/** What a core is made from: what the disk said, and the ports. */
export interface RaftNodeOptions {
  readonly id: NodeId;
  /** Missing fields take their defaults, see `RAFT_DEFAULTS`. */
  readonly config?: Partial<RaftConfig>;
  readonly random: Random;
  readonly hardState: HardState;
  readonly membership: Membership;
  readonly log: RaftLog;
  /** What the state machine holds already; default: the index of the log's snapshot, or 0. */
  readonly appliedIndex?: LogIndex;
}

const notYet = (): never => assert(false, 'this is not written yet') as never;

/**
 * Raft as a value machine: inputs are method calls, outputs are collected and handed out by {@link ready}. It does
 * no I/O and knows no time but ticks. The driver's loop: after any input, while `hasReady()`, take `ready()` and do
 * what it says, in the order that {@link Ready} states.
 */
export class RaftNode {
  // oxlint-disable-next-line
  constructor(_options: RaftNodeOptions) {}
  get id(): NodeId {
    return notYet();
  }
  get role(): RaftRole {
    return notYet();
  }
  get term(): Term {
    return notYet();
  }
  get leader(): NodeId | undefined {
    return notYet();
  }
  get commitIndex(): LogIndex {
    return notYet();
  }
  /** The last entry of the log, on disk or still in memory. */
  get lastIndex(): LogIndex {
    return notYet();
  }
  get membership(): Membership {
    return notYet();
  }

  /** Lets one unit of time pass. */
  tick(): void {}

  /**
   * Takes a message from a peer; the driver passes every kind of RaftMessage. Messages of strangers are ignored.
   * Chunks of a snapshot that is wanted come back through `Ready.snapshotChunks`; an InstallSnapshotReply is noted
   * (an `installed` one ends the transfer) and is the driver's cue to send the next chunk.
   */
  step(_message: RaftMessage): void {}

  /**
   * Appends a command as leader; undefined when this node does not lead. All proposals before one `ready()` travel
   * and are written together.
   * @throws TuttiError `TUTTI_PROPOSAL_TOO_LARGE`, `TUTTI_OVERLOADED` (nothing was appended)
   */
  propose(_data: Uint8Array): LogIndex | undefined {
    return notYet();
  }

  /**
   * Asks for a linearizable read (Raft thesis 6.4), in any role. The answer comes as `Ready.reads` or
   * `Ready.lostReads`, once, under the `requestId` given; use a fresh one for every attempt.
   */
  readIndex(_requestId: number): void {}

  /** Starts an election now, for tests and for taking over. Nothing happens at a leader or learner. */
  campaign(): void {}

  /** Whether `ready()` has something to do. */
  hasReady(): boolean {
    return notYet();
  }
  ready(): Ready {
    return notYet();
  }

  /** The batch of this sequence, and every earlier one, is durable. */
  persisted(_sequence: number): void {}
  /** The state machine has applied everything up to `index`. */
  applied(_index: LogIndex): void {}

  /**
   * Every byte of a snapshot is here, checked and durable in the store. If it is still ahead of this node, `install`
   * appears in a later Ready; otherwise (the log holds that entry, or went past it) nothing needs to be replaced.
   */
  snapshotReceived(_meta: SnapshotMeta): void {}
  /** State machine and log have been replaced by the snapshot that `Ready.install` named. */
  restored(_meta: SnapshotMeta): void {}
  /** As leader: the transfer to `peer` ended; `ok` when the peer said that it is installed. */
  snapshotSent(_peer: NodeId, _meta: SnapshotMeta, _ok: boolean): void {}

  /** As leader, how far each other member is; empty otherwise. */
  progress(): readonly PeerProgress[] {
    return notYet();
  }
}
