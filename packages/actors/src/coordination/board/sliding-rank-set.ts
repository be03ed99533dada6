import { RankSet } from './rank-set.ts';

const BOUND_LEAST = 64;

/** A {@link RankSet} without a bound of its own: it covers what lies between its least and its greatest member. */
export class SlidingRankSet {
  #origin = 0;
  #bound = BOUND_LEAST;
  #set = new RankSet(BOUND_LEAST);

  get size(): number {
    return this.#set.size;
  }

  add(rank: number): void {
    if (rank < this.#origin || rank >= this.#origin + this.#bound) this.#slideTo(rank);
    this.#set.add(rank - this.#origin);
  }

  delete(rank: number): void {
    if (rank >= this.#origin && rank < this.#origin + this.#bound) this.#set.delete(rank - this.#origin);
  }

  /** The least member, or -1. */
  first(): number {
    const found = this.#set.next(0);
    return found === -1 ? -1 : found + this.#origin;
  }

  /** Ascending. Nothing may be added meanwhile. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (const rank of this.#set) yield rank + this.#origin;
  }

  /** Covers this rank too, with as much room again on that side, so that few ranks cost a pass over the members. */
  #slideTo(rank: number): void {
    const members = [...this];
    const least = Math.min(rank, members[0] ?? rank);
    const span = Math.max(rank, members.at(-1) ?? rank) - least + 1;
    this.#origin = rank === least ? Math.max(0, least - span) : least;
    this.#bound = Math.max(BOUND_LEAST, 3 * span);
    this.#set = new RankSet(this.#bound);
    for (const member of members) this.#set.add(member - this.#origin);
  }
}
