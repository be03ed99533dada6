import type { LogIndex, NodeId, Term } from '@tutti/kernel';
import type { ConsensusStatus } from '../../consensus.ts';
import type { Entry, HardState } from '../../raft/messages.ts';
import type { ReplicaStats } from '../../replica/replica-stats.ts';
import type { LogImage } from '../sim-disk.ts';
import type { Violations } from '../violations.ts';

/** What a checker may look at, and where it reports. */
export interface CheckerWorld {
  readonly violations: Violations;
  /** What is durable at a node now. */
  readonly durable: (node: NodeId) => LogImage;
}

/** Knows one promise, and follows a run from outside to see that it is kept. Every method is optional. */
export interface Checker {
  /** A node serves again, after a start: what it had in memory only may be forgotten. */
  born?(node: NodeId): void;
  /** After every event that touched the node. */
  observed?(node: NodeId, status: ConsensusStatus, stats: Readonly<ReplicaStats>): void;
  /** A node was seen to lead a term for the first time. */
  elected?(node: NodeId, term: Term): void;
  hardState?(node: NodeId, before: HardState, after: HardState): void;
  /** An entry reached a disk. */
  written?(node: NodeId, entry: Entry, previousTerm: Term | undefined): void;
  /** @param what Command and result, as text. */
  applied?(node: NodeId, index: LogIndex, what: string): void;
}
