import type { NodeId, Term } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';
import type { Violations } from '../violations.ts';
import type { Checker, CheckerWorld } from './checker.ts';

interface Known {
  readonly data: Uint8Array;
  readonly previousTerm: Term | undefined;
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/**
 * "If two logs contain an entry with the same index and term, then the logs are identical in all entries up through
 * the given index" (figure 3). Checked entry by entry as they reach a disk: index and term name one content and one
 * predecessor; the rest follows by induction.
 */
export class LogMatching implements Checker {
  readonly #violations: Violations;
  readonly #known = new Map<string, Known>();

  constructor({ violations }: Pick<CheckerWorld, 'violations'>) {
    this.#violations = violations;
  }

  written(node: NodeId, entry: Entry, previousTerm: Term | undefined): void {
    const name = `${entry.index}@${entry.term}`;
    const known = this.#known.get(name);
    if (!known) {
      this.#known.set(name, { data: entry.data, previousTerm });
      return;
    }
    if (!isSame(known.data, entry.data)) {
      this.#violations.add('log matching', `${node} has another entry ${name} than was written before`);
    }
    if (
      previousTerm !== undefined &&
      known.previousTerm !== undefined &&
      previousTerm !== known.previousTerm
    ) {
      const terms = `${known.previousTerm} and ${previousTerm}`;
      this.#violations.add('log matching', `before ${name} there are entries of terms ${terms}, at ${node}`);
    }
  }
}
