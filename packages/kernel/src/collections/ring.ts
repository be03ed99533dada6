import { assert } from '../assert.ts';

/**
 * A first-in, first-out queue in one array whose size is a power of two: push and shift never move an item.
 * It grows by doubling up to `limit` items; {@link push} says false at the limit and leaves the ring as it was.
 */
export class Ring<T> {
  #slots: (T | undefined)[];
  #mask: number;
  #head = 0;
  #size = 0;
  readonly limit: number;

  /** @param limit The most items it holds, from 1 up. @param initial Slots to begin with, a power of two. */
  constructor(limit: number, initial = 8) {
    assert(limit >= 1, 'a ring holds at least one item');
    assert((initial & (initial - 1)) === 0, 'the size of a ring is a power of two');
    this.limit = limit;
    this.#slots = new Array<T | undefined>(initial);
    this.#mask = initial - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** Items that fit before the array has to grow. */
  get capacity(): number {
    return this.#mask + 1;
  }

  push(item: T): boolean {
    if (this.#size === this.limit) return false;
    if (this.#size > this.#mask) this.#grow();
    this.#slots[(this.#head + this.#size++) & this.#mask] = item;
    return true;
  }

  /** Puts an item before all others. */
  unshift(item: T): boolean {
    if (this.#size === this.limit) return false;
    if (this.#size > this.#mask) this.#grow();
    this.#head = (this.#head - 1) & this.#mask;
    this.#slots[this.#head] = item;
    this.#size++;
    return true;
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[this.#head];
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size--;
    return item;
  }

  /** The item at a place counted from the front, 0 first. */
  at(place: number): T | undefined {
    return place < 0 || place >= this.#size ? undefined : this.#slots[(this.#head + place) & this.#mask];
  }

  clear(): void {
    this.#slots.fill(undefined);
    this.#head = 0;
    this.#size = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.#size; i++) yield this.#slots[(this.#head + i) & this.#mask]!;
  }

  #grow(): void {
    const slots = this.#slots;
    // Copies of runs are moves of memory; a loop that masks each place is not.
    const grown =
      this.#head === 0 ? slots.slice() : slots.slice(this.#head).concat(slots.slice(0, this.#head));
    grown.length = slots.length * 2;
    this.#slots = grown;
    this.#mask = grown.length - 1;
    this.#head = 0;
  }
}
