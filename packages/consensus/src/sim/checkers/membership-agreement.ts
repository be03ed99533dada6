import type { NodeId } from '@tutti/kernel';
import type { ConsensusStatus, MembershipStatus } from '../../consensus.ts';
import type { Violations } from '../violations.ts';
import type { Checker, CheckerWorld } from './checker.ts';

/**
 * All nodes that know an entry to be committed go by the same configuration there: a function of the log, whoever
 * computes it, and from whatever snapshot.
 */
export class MembershipAgreement implements Checker {
  readonly #violations: Violations;
  /** The configuration in force at each committed entry, once somebody has said so. */
  readonly #inForce: (string | undefined)[] = [];
  /** How far each node's present configuration has been noted. */
  readonly #noted = new Map<NodeId, { readonly membership: MembershipStatus; commitIndex: number }>();

  constructor({ violations }: CheckerWorld) {
    this.#violations = violations;
  }

  observed(node: NodeId, { commitIndex, membership }: ConsensusStatus): void {
    if (!membership.isCommitted || membership.voters.length === 0) return;
    const noted = this.#noted.get(node);
    const isSame = noted?.membership === membership;
    if (isSame && noted.commitIndex >= commitIndex) return;
    this.#noted.set(node, { membership, commitIndex });
    const { voters, outgoing, learners } = membership;
    const shown = [voters, outgoing, learners].map((nodes) => [...nodes].sort().join()).join('|');
    const from = isSame ? noted.commitIndex : membership.index;
    for (let at: number = from; at <= commitIndex; at++) {
      const known = (this.#inForce[at] ??= shown);
      if (known === shown) continue;
      const problem = `${node} goes by [${shown}] at entry ${at}, where another went by [${known}]`;
      this.#violations.add('one configuration at each entry', problem);
      return;
    }
  }
}
