import type { NodeId, Term } from '@tutti/kernel';
import type { Verdict } from '../quorum/majority.ts';
import type { Electorate } from './electorate.ts';
import type { LogView } from './log-view.ts';
import type { VoteReply } from './messages.ts';

/** One attempt to be elected, or to learn whether it could be (Raft paper 5.2, thesis 9.6). */
export class Campaign {
  readonly pre: boolean;
  /** The term that is campaigned for; a pre-vote asks about the term after the current one. */
  readonly term: Term;
  /** Of a pre-vote: which of this node's life. Several may ask about the same term. */
  readonly attempt: number | undefined;
  readonly #votes = new Map<NodeId, boolean>();

  constructor(pre: boolean, term: Term, attempt?: number) {
    this.pre = pre;
    this.term = term;
    this.attempt = attempt;
  }

  /**
   * An answer to another attempt, or to the other phase of this one, must not count: between two pre-votes a leader may
   * have been heard of. A node of an earlier version does not say which attempt it answers.
   */
  isAnsweredBy(reply: VoteReply): boolean {
    if (this.pre && reply.attempt !== undefined && reply.attempt !== this.attempt) return false;
    return reply.pre === this.pre && reply.campaignTerm === this.term;
  }

  /** The first word of each voter stands. */
  count(voter: NodeId, granted: boolean): void {
    if (!this.#votes.has(voter)) this.#votes.set(voter, granted);
  }

  verdict(electorate: Electorate): Verdict {
    return electorate.verdict(this.#votes);
  }
}

/** Whether a candidate's log holds at least what this one does: last term first, then length (Raft paper 5.4.1). */
export function isUpToDate(candidate: { lastIndex: number; lastTerm: Term }, log: LogView): boolean {
  if (candidate.lastTerm !== log.lastTerm) return candidate.lastTerm > log.lastTerm;
  return candidate.lastIndex >= log.lastIndex;
}
