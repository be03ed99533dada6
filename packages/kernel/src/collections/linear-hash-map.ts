import { hashText } from '../hash-text.ts';

/** Pairs of a part, on average, before one is split in two: it takes a fraction of a millisecond. */
const PART_SIZE = 1_024;

/**
 * A map for very many pairs that never stalls: a `Map` of a million copies its whole table when it grows, and its table
 * is visited in one piece when garbage is collected, either of which takes tens of milliseconds. Here the pairs are
 * spread over small maps by a hash of the key, and it grows by splitting one of them at a time (linear hashing, Litwin
 * 1980). Pairs have no order. Its parts are not joined again when it shrinks.
 */
export class LinearHashMap<K extends string | number, V> {
  readonly #parts: Map<K, V>[] = [new Map()];
  /** One less than the parts there were when the present round of splitting began: a power of two. */
  #mask = 0;
  /** The part that is split next; those before it have been in this round. */
  #next = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#partOf(key).get(key);
  }

  set(key: K, value: V): void {
    const part = this.#partOf(key);
    const before = part.size;
    part.set(key, value);
    if (part.size === before) return;
    if (++this.#size > this.#parts.length * PART_SIZE) this.#split();
  }

  delete(key: K): boolean {
    const isDeleted = this.#partOf(key).delete(key);
    if (isDeleted) this.#size--;
    return isDeleted;
  }

  #partOf(key: K): Map<K, V> {
    if (this.#parts.length === 1) return this.#parts[0]!;
    const hash = hashOf(key);
    const index = hash & this.#mask;
    return this.#parts[index < this.#next ? hash & (2 * this.#mask + 1) : index]!;
  }

  #split(): void {
    const index = this.#next;
    const wider = 2 * this.#mask + 1;
    const old = this.#parts[index]!;
    const [low, high] = [new Map<K, V>(), new Map<K, V>()];
    for (const [key, value] of old) ((hashOf(key) & wider) === index ? low : high).set(key, value);
    this.#parts[index] = low;
    this.#parts.push(high);
    if (++this.#next <= this.#mask) return;
    this.#mask = wider;
    this.#next = 0;
  }
}

function hashOf(key: string | number): number {
  return hashText(typeof key === 'string' ? key : `${key}`);
}
