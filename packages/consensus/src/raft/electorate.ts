import type { NodeId } from '@tutti/kernel';
import { majorityReached, majorityVerdict, type Verdict } from '../quorum/majority.ts';
import type { Membership } from './messages.ts';

/**
 * Whose word counts. Every decision of the core that needs a quorum asks here, so that a joint configuration, which
 * needs two majorities, changes this file alone (Raft paper 6).
 */
export class Electorate {
  readonly membership: Membership;
  readonly #voters: ReadonlySet<NodeId>;
  readonly #members: readonly NodeId[];

  constructor(membership: Membership) {
    this.membership = membership;
    this.#voters = new Set(membership.voters);
    this.#members = [...new Set([...membership.voters, ...membership.learners])];
  }

  /** Voters and learners. */
  get members(): readonly NodeId[] {
    return this.#members;
  }

  get voters(): readonly NodeId[] {
    return this.membership.voters;
  }

  isVoter(id: NodeId): boolean {
    return this.#voters.has(id);
  }

  isMember(id: NodeId): boolean {
    return this.#members.includes(id);
  }

  /** The highest number that a quorum has reached, by each voter's own number. */
  reached(of: (voter: NodeId) => number): number {
    return majorityReached(this.voters.map(of));
  }

  verdict(votes: ReadonlyMap<NodeId, boolean>): Verdict {
    let granted = 0;
    let refused = 0;
    for (const voter of this.voters) {
      const vote = votes.get(voter);
      if (vote === true) granted++;
      else if (vote === false) refused++;
    }
    return majorityVerdict(this.voters.length, granted, refused);
  }

  /** Whether those for whom `test` holds are a quorum. */
  isQuorum(test: (voter: NodeId) => boolean): boolean {
    return this.reached((voter) => (test(voter) ? 1 : 0)) === 1;
  }
}
