import { assert, Heap, type WireValue } from '@tutti/kernel';
import type { ModuleRestorer } from '../consensus.ts';

interface Slot<V> {
  value: V;
  /** Grows from one inserted key to the next, so a walk over the map meets it in rising order. */
  readonly order: number;
  /** The capture that has put this key's value aside already. */
  savedFor: number;
}

interface Saved<K, V> {
  readonly order: number;
  readonly key: K;
  readonly value: V;
}

/**
 * One walk over a map as it was when it began. What changes ahead of the walk is put aside first, in its old form;
 * what changes behind it, or was added since, does not matter any more.
 */
class Capture<K, V> {
  readonly id: number;
  readonly slots: Map<K, Slot<V>>;
  readonly #lastOrder: number;
  readonly #live: Iterator<[K, Slot<V>]>;
  readonly #saved = new Heap<Saved<K, V>>((a, b) => a.order - b.order);
  #ahead: [K, Slot<V>] | undefined;
  #position = 0;
  #left: number;
  replaced = false;

  constructor(id: number, slots: Map<K, Slot<V>>, lastOrder: number) {
    this.id = id;
    this.slots = slots;
    this.#lastOrder = lastOrder;
    this.#live = slots.entries();
    this.#left = slots.size;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  keep(key: K, slot: Slot<V>): void {
    const { order } = slot;
    if (order > this.#lastOrder || order <= this.#position || slot.savedFor === this.id) return;
    slot.savedFor = this.id;
    this.#saved.push({ order, key, value: slot.value });
  }

  next(): readonly [K, V] | undefined {
    assert(!this.replaced, 'a capture is read before the next one of the same map begins');
    if (this.#left === 0) return undefined;
    this.#left--;
    const ahead = this.#nextLive();
    const saved = this.#saved.peek();
    if (saved && (!ahead || saved.order < ahead[1].order)) {
      this.#saved.pop();
      this.#position = saved.order;
      return [saved.key, saved.value];
    }
    assert(ahead, 'what was captured is in the map or was put aside');
    this.#ahead = undefined;
    this.#position = ahead[1].order;
    return [ahead[0], ahead[1].value];
  }

  /** The next key that still has the value it had; it stays where it is until it is taken. */
  #nextLive(): [K, Slot<V>] | undefined {
    while (!this.#ahead || this.#ahead[1].savedFor === this.id) {
      const { done, value } = this.#live.next();
      if (done || value[1].order > this.#lastOrder) return (this.#ahead = undefined);
      this.#ahead = value;
    }
    return this.#ahead;
  }
}

/**
 * A map for the state of a replicated module, whose snapshot costs nothing to take: {@link capture} is O(1), and the
 * pairs are then handed out one by one, as they were at that moment, while the map goes on changing. A change costs
 * what a `Map`'s does, and O(log c) more for the c pairs that changed ahead of a capture that is being read; those are
 * what is kept in memory besides.
 *
 * Pairs are visited in the order their keys were first set, also by a capture and after a restore, so what depends on
 * the order stays equal on every node. Values are replaced with {@link set}, never changed in place: a capture would
 * show the change.
 */
export class SnapshotableMap<K, V> {
  #slots = new Map<K, Slot<V>>();
  #lastOrder = 0;
  #captures = 0;
  #capture: Capture<K, V> | undefined;

  get size(): number {
    return this.#slots.size;
  }

  has(key: K): boolean {
    return this.#slots.has(key);
  }

  get(key: K): V | undefined {
    return this.#slots.get(key)?.value;
  }

  set(key: K, value: V): void {
    const slot = this.#slots.get(key);
    if (slot) {
      this.#keep(key, slot);
      slot.value = value;
    } else this.#slots.set(key, { value, order: ++this.#lastOrder, savedFor: 0 });
  }

  delete(key: K): boolean {
    const slot = this.#slots.get(key);
    if (!slot) return false;
    this.#keep(key, slot);
    return this.#slots.delete(key);
  }

  clear(): void {
    this.#replace(new Map());
  }

  *entries(): IterableIterator<[K, V]> {
    for (const [key, { value }] of this.#slots) yield [key, value];
  }

  *values(): IterableIterator<V> {
    for (const { value } of this.#slots.values()) yield value;
  }

  keys(): IterableIterator<K> {
    return this.#slots.keys();
  }

  /**
   * The pairs as they are now, to be read whenever it suits. One capture at a time: a new one ends the one before,
   * whose next read is then a defect of the reader.
   */
  capture(): Iterable<readonly [K, V]> {
    if (this.#capture) this.#capture.replaced = !this.#capture.isOver;
    const capture = new Capture(++this.#captures, this.#slots, this.#lastOrder);
    this.#capture = capture;
    return (function* pairs() {
      for (let pair = capture.next(); pair; pair = capture.next()) yield pair;
    })();
  }

  /**
   * Builds the pairs of a snapshot aside and shows them all at once at the end. `pairOf` reads a part of the module's
   * snapshot.
   */
  restorer(pairOf: (part: WireValue) => readonly [K, V]): ModuleRestorer {
    const slots = new Map<K, Slot<V>>();
    let order = 0;
    return {
      add: (part) => {
        const [key, value] = pairOf(part);
        slots.set(key, { value, order: ++order, savedFor: 0 });
      },
      finish: () => {
        this.#replace(slots);
        this.#lastOrder = order;
      },
    };
  }

  /** A capture that is being read walks on over the pairs that are let go; one that is over lets go of them too. */
  #replace(slots: Map<K, Slot<V>>): void {
    if (this.#capture?.isOver) this.#capture = undefined;
    this.#slots = slots;
  }

  #keep(key: K, slot: Slot<V>): void {
    if (this.#capture?.slots === this.#slots && !this.#capture.replaced) this.#capture.keep(key, slot);
  }
}
