import type { NodeId } from '@tutti/kernel';
import type { Violations } from '../violations.ts';

/**
 * What clients were told, against what the lists hold. Each list only grows, and an append is answered with the
 * place it took, so "shows everything acknowledged before" is a comparison of lengths.
 */
export class ClientHistory {
  readonly #violations: Violations;
  /** Per key, the length that every read which begins now must show. */
  readonly #floors = new Map<string, number>();
  /** Per key and place, the serial that was acknowledged to be there. */
  readonly #acknowledged = new Map<string, Map<number, number>>();
  acknowledgedCount = 0;
  readCount = 0;

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  floor(key: string): number {
    return this.#floors.get(key) ?? 0;
  }

  #raise(key: string, length: number): void {
    if (length > this.floor(key)) this.#floors.set(key, length);
  }

  acknowledged(key: string, serial: number, place: number): void {
    this.acknowledgedCount++;
    this.#raise(key, place + 1);
    let places = this.#acknowledged.get(key);
    if (!places) this.#acknowledged.set(key, (places = new Map()));
    const other = places.get(place);
    if (other !== undefined && other !== serial) {
      this.#violations.add('exactly once', `${other} and ${serial} were both told place ${place} of ${key}`);
    }
    places.set(place, serial);
  }

  /** A read that began when the floor was `floor` was answered at `node` from this list. */
  read(node: NodeId, key: string, floor: number, list: readonly number[]): void {
    this.readCount++;
    if (list.length < floor) {
      const problem = `a read of ${key} at ${node} shows ${list.length} entries, though ${floor} were known before`;
      this.#violations.add('linearizable reads', problem);
    }
    this.#raise(key, list.length);
  }

  /** The end: the lists that all nodes agree on hold each serial once, and all that was acknowledged. */
  settle(lists: ReadonlyMap<string, readonly number[]>): void {
    const serials = new Set<number>();
    for (const [key, list] of lists) {
      for (const serial of list) {
        if (serials.has(serial))
          this.#violations.add('exactly once', `${serial} is in ${key} or elsewhere twice`);
        serials.add(serial);
      }
    }
    for (const [key, places] of this.#acknowledged) {
      for (const [place, serial] of places) {
        if (lists.get(key)?.[place] === serial) continue;
        const found = lists.get(key)?.[place] ?? 'nothing';
        const problem = `${serial} was acknowledged at ${key}[${place}], where there is ${found} in the end`;
        this.#violations.add('durability of acknowledged writes', problem);
      }
    }
  }
}
