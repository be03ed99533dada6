import type { LogIndex, NodeId, Term } from '@tutti/kernel';
import type { HardState } from '../../raft/messages.ts';
import type { Violations } from '../violations.ts';
import type { Checker, CheckerWorld } from './checker.ts';

interface Seen {
  term: Term;
  commitIndex: LogIndex;
  appliedIndex: LogIndex;
}

/** What never goes back: the term over all lives of a node, commit and applied index within one; a vote, ever. */
export class Monotonic implements Checker {
  readonly #violations: Violations;
  readonly #seen = new Map<NodeId, Seen>();

  constructor({ violations }: Pick<CheckerWorld, 'violations'>) {
    this.#violations = violations;
  }

  /** A new life begins: what was only in memory may be forgotten. */
  born(node: NodeId): void {
    this.#seen.delete(node);
  }

  observed(node: NodeId, now: Seen): void {
    const before = this.#seen.get(node);
    if (!before) {
      this.#seen.set(node, { term: now.term, commitIndex: now.commitIndex, appliedIndex: now.appliedIndex });
      return;
    }
    for (const what of ['term', 'commitIndex', 'appliedIndex'] as const) {
      if (now[what] < before[what]) {
        this.#violations.add('monotonic', `${what} of ${node} fell from ${before[what]} to ${now[what]}`);
      }
    }
    before.term = now.term;
    before.commitIndex = now.commitIndex;
    before.appliedIndex = now.appliedIndex;
  }

  hardState(node: NodeId, before: HardState, after: HardState): void {
    if (after.term < before.term) {
      this.#violations.add(
        'monotonic',
        `the durable term of ${node} fell from ${before.term} to ${after.term}`,
      );
    }
    const isChanged = before.votedFor !== undefined && after.votedFor !== before.votedFor;
    if (after.term === before.term && isChanged) {
      const votes = `${before.votedFor} and then ${after.votedFor}`;
      this.#violations.add('monotonic', `${node} voted for ${votes} in term ${after.term}`);
    }
  }
}
