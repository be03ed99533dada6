import type { LogIndex, NodeId } from '@tutti/kernel';
import type { Violations } from '../violations.ts';
import type { Checker, CheckerWorld } from './checker.ts';

/**
 * "If a server has applied a log entry at a given index to its state machine, no other server will ever apply a
 * different log entry for the same index" (figure 3); and with the same result.
 */
export class StateMachineSafety implements Checker {
  readonly #violations: Violations;
  readonly #applied = new Map<LogIndex, string>();

  constructor({ violations }: Pick<CheckerWorld, 'violations'>) {
    this.#violations = violations;
  }

  /** @param what Command and result, as text. */
  applied(node: NodeId, index: LogIndex, what: string): void {
    const known = this.#applied.get(index);
    if (known === undefined) this.#applied.set(index, what);
    else if (known !== what) {
      this.#violations.add(
        'state machine safety',
        `at ${index}, ${node} applied ${what}; before it was ${known}`,
      );
    }
  }
}
