import type { LogIndex, NodeId } from '@tutti/kernel';
import type { ConsensusStatus, MembershipStatus } from '../consensus.ts';
import type { Membership } from '../raft/messages.ts';
import type { RaftNode } from '../raft/raft-node.ts';
import type { LogStore } from '../storage/log-store.ts';
import { membershipStatus } from './membership-status.ts';

/** What a replica says of itself, read from its parts whenever it is asked. */
export class StatusView {
  readonly #self: NodeId;
  readonly #core: RaftNode;
  readonly #store: LogStore;
  readonly #appliedIndex: () => LogIndex;
  #membership: MembershipStatus | undefined;
  #membershipOf: Membership | undefined;
  /** Set at the end: the store is closed then, and a status may still be asked for. */
  #endedAtSnapshot: LogIndex | undefined;

  constructor(self: NodeId, core: RaftNode, store: LogStore, appliedIndex: () => LogIndex) {
    this.#self = self;
    this.#core = core;
    this.#store = store;
    this.#appliedIndex = appliedIndex;
  }

  /** The replica has ended, or is about to close its store. */
  end(): void {
    this.#endedAtSnapshot ??= this.#snapshotIndex();
  }

  status(): ConsensusStatus {
    const core = this.#core;
    const hasEnded = this.#endedAtSnapshot !== undefined;
    return {
      nodeId: this.#self,
      role: hasEnded ? 'stopped' : core.role === 'pre-candidate' ? 'candidate' : core.role,
      term: core.term,
      leader: hasEnded ? undefined : core.leader,
      commitIndex: core.commitIndex,
      appliedIndex: this.#appliedIndex(),
      lastIndex: core.lastIndex,
      voters: core.membership.voters,
      membership: this.#membershipStatus(),
      snapshotIndex: this.#endedAtSnapshot ?? this.#snapshotIndex(),
    };
  }

  #snapshotIndex(): LogIndex {
    return this.#store.snapshot()?.meta.index ?? (0 as LogIndex);
  }

  /** The same object until something in it changes. */
  #membershipStatus(): MembershipStatus {
    const { membership, membershipIndex, commitIndex } = this.#core;
    const isCommitted = membershipIndex <= commitIndex;
    const known = this.#membership;
    if (known && this.#membershipOf === membership && known.isCommitted === isCommitted) return known;
    this.#membershipOf = membership;
    this.#membership = membershipStatus(this.#self, membership, membershipIndex, isCommitted);
    return this.#membership;
  }
}
