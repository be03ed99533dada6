import type { NodeId } from '@tutti/kernel';
import type { ConsensusStatus } from '../../consensus.ts';
import type { ReplicaStats } from '../../replica/replica-stats.ts';
import type { Violations } from '../violations.ts';
import type { Checker, CheckerWorld } from './checker.ts';

/**
 * However often an opening is sent, its client has one session of it: a second one would push out another client's,
 * which is told that its commands may have been lost.
 */
export class OpenedOnce implements Checker {
  readonly #violations: Violations;

  constructor({ violations }: Pick<CheckerWorld, 'violations'>) {
    this.#violations = violations;
  }

  observed(node: NodeId, _status: ConsensusStatus, { reopened }: Pick<ReplicaStats, 'reopened'>): void {
    if (reopened > 0)
      this.#violations.add('an opening makes one session', `${node} was given ${reopened} more than one`);
  }
}
