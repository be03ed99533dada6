import type { LogIndex, NodeId, Term } from '@tutti/kernel';
import { majorityOf } from '../../quorum/majority.ts';
import type { LogImage } from '../sim-disk.ts';
import type { Violations } from '../violations.ts';

/**
 * An entry counts as committed only if a majority of disks holds it at that moment; and "if a log entry is committed
 * in a given term, then that entry will be present in the logs of the leaders for all higher-numbered terms"
 * (leader completeness, figure 3). The terms of committed entries are taken from those disks.
 */
export class Commitment {
  readonly #violations: Violations;
  readonly #disks: ReadonlyMap<NodeId, LogImage>;
  /** Term of each committed entry; index 0 is before the first. */
  readonly #terms: Term[] = [0 as Term];
  /** The term in which each was committed: only leaders of later terms owe it. */
  readonly #committedIn: Term[] = [0 as Term];

  /** @param disks What is durable at each voter. */
  constructor(violations: Violations, disks: ReadonlyMap<NodeId, LogImage>) {
    this.#violations = violations;
    this.#disks = disks;
  }

  get index(): number {
    return this.#terms.length - 1;
  }

  /** A node of term `inTerm` says that everything up to `index` is committed; true if nobody said so before. */
  committed(node: NodeId, index: LogIndex, inTerm: Term): boolean {
    if (index <= this.index) return false;
    const holders = this.#quorumHolding(index);
    if (!holders) {
      this.#violations.add(
        'committed on a quorum',
        `${node} commits ${index}, which no majority has on disk`,
      );
      return false;
    }
    const source = holders.find((image) => image.firstIndex <= this.index + 1) ?? holders[0]!;
    for (let at = this.index + 1; at <= index; at++) {
      this.#terms.push(source.termAt(at) ?? (-1 as Term));
      this.#committedIn.push(inTerm);
    }
    return true;
  }

  /** Disks that agree on the entry at `index`, if they are a majority; one whose snapshot covers it agrees with all. */
  #quorumHolding(index: number): LogImage[] | undefined {
    const images = [...this.#disks.values()];
    const covering = images.filter((image) => (image.snapshot?.meta.index ?? 0) >= index);
    const byTerm = new Map<Term, LogImage[]>();
    for (const image of images) {
      const entry = image.entryAt(index);
      if (!entry || covering.includes(image)) continue;
      byTerm.set(entry.term, [...(byTerm.get(entry.term) ?? []), image]);
    }
    for (const holders of [...byTerm.values(), []]) {
      if (holders.length + covering.length >= majorityOf(images.length)) return [...holders, ...covering];
    }
    return undefined;
  }

  /** A node begins to lead: its disk must hold everything that was committed in earlier terms. */
  elected(node: NodeId, term: Term): void {
    const image = this.#disks.get(node)!;
    const from = Math.max(image.firstIndex, (image.snapshot?.meta.index ?? 0) + 1);
    for (let at = from; at <= this.index; at++) {
      const expected = this.#terms[at]!;
      if (expected < 0 || this.#committedIn[at]! >= term || image.termAt(at) === expected) continue;
      const held = image.termAt(at) ?? 'none';
      const problem = `${node} leads term ${term} without the committed entry ${at}@${expected} (it has ${held})`;
      this.#violations.add('leader completeness', problem);
      return;
    }
  }
}
