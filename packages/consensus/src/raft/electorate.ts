import type { NodeId } from '@tutti/kernel';
import { jointReached, jointVerdict } from '../quorum/joint.ts';
import type { Verdict } from '../quorum/majority.ts';
import type { Membership } from './messages.ts';

/**
 * Whose word counts. Every decision of the core that needs a quorum asks here; in a joint configuration it needs a
 * majority of the old voters and one of the new (Raft paper 6).
 */
export class Electorate {
  readonly membership: Membership;
  /** The sets of voters of which each must have a majority: one, or two while the configuration is joint. */
  readonly #sets: readonly (readonly NodeId[])[];
  readonly #voters: ReadonlySet<NodeId>;
  readonly #members: ReadonlySet<NodeId>;

  constructor(membership: Membership) {
    this.membership = membership;
    const { voters, outgoing, learners } = membership;
    this.#sets = outgoing ? [voters, outgoing] : [voters];
    this.#voters = new Set(this.#sets.flat());
    this.#members = new Set([...this.#voters, ...learners]);
  }

  /** Voters and learners. */
  get members(): Iterable<NodeId> {
    return this.#members;
  }

  /** All that have a vote, on either side of a joint configuration. */
  get voters(): Iterable<NodeId> {
    return this.#voters;
  }

  /** Whether there is a configuration at all; a new node has none until its leader sends it one. */
  get isKnown(): boolean {
    return this.#voters.size > 0;
  }

  get isJoint(): boolean {
    return this.#sets.length > 1;
  }

  isVoter(id: NodeId): boolean {
    return this.#voters.has(id);
  }

  isMember(id: NodeId): boolean {
    return this.#members.has(id);
  }

  /** The highest number that a quorum has reached, by each voter's own number. */
  reached(of: (voter: NodeId) => number): number {
    return jointReached(this.#sets, of);
  }

  verdict(votes: ReadonlyMap<NodeId, boolean>): Verdict {
    return jointVerdict(this.#sets, votes);
  }

  /** Whether those for whom `test` holds are a quorum. */
  isQuorum(test: (voter: NodeId) => boolean): boolean {
    return this.reached((voter) => (test(voter) ? 1 : 0)) === 1;
  }
}
