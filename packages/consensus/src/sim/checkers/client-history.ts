import { isTuttiError, type NodeId } from '@tutti/kernel';
import type { Violations } from '../violations.ts';

/** Errors after which the command never takes effect. */
const NEVER_APPLIED = [
  'TUTTI_NO_LEADER',
  'TUTTI_NOT_LEADER',
  'TUTTI_OVERLOADED',
  'TUTTI_PROPOSAL_TOO_LARGE',
  'TUTTI_STORE_FULL',
  'TUTTI_STORE_REPAIRING',
  'TUTTI_ABORTED',
  'TUTTI_CLOSED',
] as const;

/** Whether a call's failure says that its command never takes effect. */
export const isNeverApplied = (failure: Error): boolean =>
  NEVER_APPLIED.some((code) => isTuttiError(failure, code));

/**
 * What clients were told, against what the lists hold. Each list only grows, and an append is answered with the
 * place it took: so a key's history is linearizable exactly if every place has one serial, and no call that began
 * after another was answered comes before it, which is a comparison of lengths.
 */
export class ClientHistory {
  readonly #violations: Violations;
  /** Per key, the length that every read which begins now must show. */
  readonly #floors = new Map<string, number>();
  /** Per key and place, the serial that somebody was told to be there. */
  readonly #seen = new Map<string, Map<number, number>>();
  /** Serials whose call failed with the word that nothing was done. */
  readonly #neverApplied = new Map<number, NodeId>();
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

  /** An append that began when the floor was `floor` was told its place. */
  acknowledged(key: string, serial: number, place: number, floor: number): void {
    this.acknowledgedCount++;
    if (place < floor) {
      const problem = `${serial} took place ${place} of ${key}, of which ${floor} were known before it began`;
      this.#violations.add('linearizable appends', problem);
    }
    this.#raise(key, place + 1);
    this.#see(key, place, serial, 'acknowledged');
  }

  /** An append was not acknowledged. Some errors say that it will never take effect. */
  failed(node: NodeId, serial: number, failure: Error): void {
    if (isNeverApplied(failure)) this.#neverApplied.set(serial, node);
  }

  /** A command that every node refuses was answered as if it had been done. */
  unrefused(serial: number): void {
    this.#violations.add('refusals', `${serial} is refused by every node, and was acknowledged`);
  }

  /** A read that began when the floor was `floor` was answered at `node` from this list. */
  read(node: NodeId, key: string, floor: number, list: readonly number[]): void {
    this.readCount++;
    if (list.length < floor) {
      const problem = `a read of ${key} at ${node} shows ${list.length} entries, though ${floor} were known before`;
      this.#violations.add('linearizable reads', problem);
    }
    const last = list.at(-1);
    if (last !== undefined) this.#see(key, list.length - 1, last, 'shown');
    this.#raise(key, list.length);
  }

  /** Somebody was told that this serial has this place. */
  #see(key: string, place: number, serial: number, how: string): void {
    let places = this.#seen.get(key);
    if (!places) this.#seen.set(key, (places = new Map()));
    const other = places.get(place);
    if (other !== undefined && other !== serial) {
      const problem = `${serial} was ${how} at place ${place} of ${key}, where ${other} had been seen`;
      this.#violations.add('exactly once', problem);
    }
    places.set(place, serial);
  }

  /** The end: the lists that all nodes agree on hold each serial once, and all that was acknowledged. */
  settle(lists: ReadonlyMap<string, readonly number[]>): void {
    const serials = new Set<number>();
    for (const [key, list] of lists) {
      for (const serial of list) {
        if (serials.has(serial))
          this.#violations.add('exactly once', `${serial} is in ${key} or elsewhere twice`);
        const denied = this.#neverApplied.get(serial);
        if (denied)
          this.#violations.add(
            'failed calls',
            `${serial} is in ${key}, though ${denied} said it never would be`,
          );
        serials.add(serial);
      }
    }
    for (const [key, places] of this.#seen) {
      for (const [place, serial] of places) {
        if (lists.get(key)?.[place] === serial) continue;
        const found = lists.get(key)?.[place] ?? 'nothing';
        const problem = `${serial} was acknowledged or shown at ${key}[${place}], where there is ${found} in the end`;
        this.#violations.add('durability of acknowledged writes', problem);
      }
    }
  }
}
