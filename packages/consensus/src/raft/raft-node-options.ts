import type { LogIndex, NodeId, Random } from '@tutti/kernel';
import type { RaftConfig } from './config.ts';
import type { HardState, Membership } from './messages.ts';
import type { ProgressState } from './progress.ts';
import type { RaftLog } from './raft-log.ts';

/** What a core believes itself to be. A learner is a follower that has no vote. */
export type RaftRole = 'follower' | 'pre-candidate' | 'candidate' | 'leader' | 'learner';

/** How far one peer is, as its leader sees it. */
export interface PeerProgress {
  readonly peer: NodeId;
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  readonly state: ProgressState;
  /** Appends that may be under way to it now; fewer than the configuration allows while it does not keep up. */
  readonly windowMessages: number;
  /** Whether it answered since the last look at the quorum. */
  readonly active: boolean;
}

/** What a core is made from: what the disk said, and the ports. */
export interface RaftNodeOptions {
  readonly id: NodeId;
  /** Missing fields take their defaults, see `RAFT_DEFAULTS`. */
  readonly config?: Partial<RaftConfig>;
  readonly random: Random;
  /** A number that no other life of this node has, where one may come with an earlier one's `random`. Default 0. */
  readonly life?: number;
  readonly hardState: HardState;
  readonly membership: Membership;
  readonly log: RaftLog;
  /** A monotonic clock in milliseconds, for leases alone; default one that stands still, with which none is held. */
  readonly now?: () => number;
  /** What the state machine holds already; default: the index of the log's snapshot, or 0. */
  readonly appliedIndex?: LogIndex;
}
