import type { NodeId, Term } from '@tutti/kernel';
import type { Violations } from '../violations.ts';
import type { Checker, CheckerWorld } from './checker.ts';

/** "At most one leader can be elected in a given term" (Raft paper, figure 3). */
export class ElectionSafety implements Checker {
  readonly #violations: Violations;
  readonly #leaders = new Map<Term, NodeId>();

  constructor({ violations }: Pick<CheckerWorld, 'violations'>) {
    this.#violations = violations;
  }

  elected(node: NodeId, term: Term): void {
    const known = this.#leaders.get(term);
    if (known === undefined) this.#leaders.set(term, node);
    else if (known !== node) {
      this.#violations.add('election safety', `${known} and ${node} both lead in term ${term}`);
    }
  }
}
