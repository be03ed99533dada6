import type { NodeId, Term } from '@tutti/kernel';
import type { ConsensusStatus, MembershipStatus } from '../../consensus.ts';
import { majorityOf } from '../../quorum/majority.ts';
import type { LogImage } from '../sim-disk.ts';
import type { Violations } from '../violations.ts';
import type { Checker, CheckerWorld } from './checker.ts';

/**
 * An entry counts as committed only if a majority of disks holds it at that moment; and "if a log entry is committed
 * in a given term, then that entry will be present in the logs of the leaders for all higher-numbered terms"
 * (leader completeness, figure 3). The terms of committed entries are taken from those disks.
 */
export class Commitment implements Checker {
  readonly #violations: Violations;
  readonly #durable: (node: NodeId) => LogImage;
  /** Term of each committed entry; index 0 is before the first. */
  readonly #terms: Term[] = [0 as Term];
  /** What each node went by when it was last seen. */
  readonly #memberships = new Map<NodeId, MembershipStatus>();
  /** The term in which each was committed: only leaders of later terms owe it. */
  readonly #committedIn: Term[] = [0 as Term];

  constructor({ violations, durable }: CheckerWorld) {
    this.#violations = violations;
    this.#durable = durable;
  }

  /** What is known to be committed, wherever. */
  get index(): number {
    return this.#terms.length - 1;
  }

  /**
   * The first to say that something is committed is judged by the configuration that it goes by, or went by until this
   * very event: it may have committed by one, and then begun the next.
   */
  observed(node: NodeId, { commitIndex: index, term: inTerm, membership }: ConsensusStatus): void {
    const before = this.#memberships.get(node) ?? membership;
    this.#memberships.set(node, membership);
    if (index <= this.index) return;
    const holders = this.#quorumHolding(index, membership) ?? this.#quorumHolding(index, before);
    if (!holders) {
      this.#violations.add(
        'committed on a quorum',
        `${node} commits ${index}, which no majority has on disk`,
      );
      return;
    }
    const source = holders.find((image) => image.firstIndex <= this.index + 1) ?? holders[0]!;
    for (let at = this.index + 1; at <= index; at++) {
      this.#terms.push(source.termAt(at) ?? (-1 as Term));
      this.#committedIn.push(inTerm);
    }
  }

  /**
   * Disks that agree on the entry at `index`, if they are a majority of every set of voters; one whose snapshot covers
   * it agrees with all.
   */
  #quorumHolding(index: number, { voters, outgoing, isJoint }: MembershipStatus): LogImage[] | undefined {
    const sets = isJoint ? [voters, outgoing] : [voters];
    const everyone = [...new Set(sets.flat())];
    const covering = everyone.filter((id) => (this.#durable(id).snapshot?.meta.index ?? 0) >= index);
    const byTerm = new Map<Term, NodeId[]>();
    for (const id of everyone) {
      const entry = this.#durable(id).entryAt(index);
      if (!entry || covering.includes(id)) continue;
      byTerm.set(entry.term, [...(byTerm.get(entry.term) ?? []), id]);
    }
    for (const holders of [...byTerm.values(), []]) {
      const agreeing = [...holders, ...covering];
      const isQuorum = sets.every(
        (set) => set.filter((id) => agreeing.includes(id)).length >= majorityOf(set.length),
      );
      if (isQuorum) return agreeing.map(this.#durable);
    }
    return undefined;
  }

  /** A node begins to lead: its disk must hold everything that was committed in earlier terms. */
  elected(node: NodeId, term: Term): void {
    const image = this.#durable(node);
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
