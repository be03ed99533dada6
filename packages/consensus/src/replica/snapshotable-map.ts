import { assert, Heap, LinearHashMap, type WireValue } from '@tutti/kernel';
import type { ModuleRestorer } from '../consensus.ts';

/** A pair, between those whose keys were inserted before and after it. */
interface Slot<K, V> {
  readonly key: K;
  value: V;
  /** Grows from one inserted key to the next, so a walk over the map meets it in rising order. */
  readonly order: number;
  /** The capture that has put this key's value aside already. */
  savedFor: number;
  /** Once it is deleted this stays what it was then: a walk that stands on it finds its way from there. */
  previous: Slot<K, V> | undefined;
  next: Slot<K, V> | undefined;
  isDeleted: boolean;
}

/** Pairs that are found by their keys and walked over in the order of their insertion, without the stalls of a large `Map`. */
class Slots<K extends string | number, V> {
  readonly #byKey = new LinearHashMap<K, Slot<K, V>>();
  #first: Slot<K, V> | undefined;
  #last: Slot<K, V> | undefined;

  get size(): number {
    return this.#byKey.size;
  }

  get lastOrder(): number {
    return this.#last?.order ?? 0;
  }

  find(key: K): Slot<K, V> | undefined {
    return this.#byKey.get(key);
  }

  /** @param order Above that of any slot there was. */
  insert(key: K, value: V, order: number): void {
    const previous = this.#last;
    const slot = { key, value, order, savedFor: 0, previous, next: undefined, isDeleted: false };
    if (previous) previous.next = slot;
    else this.#first = slot;
    this.#last = slot;
    this.#byKey.set(key, slot);
  }

  delete(slot: Slot<K, V>): void {
    const { previous, next } = slot;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    slot.isDeleted = true;
    // Or what is deleted later would live as long as anybody stands on this one.
    slot.next = undefined;
    this.#byKey.delete(slot.key);
  }

  /** What comes after `slot`, which may have been deleted; the first without one. */
  after(slot: Slot<K, V> | undefined): Slot<K, V> | undefined {
    let at = slot;
    while (at?.isDeleted) at = at.previous;
    return at ? at.next : this.#first;
  }
}

/** A pair as it was when a capture began. */
interface Saved<K, V> {
  readonly order: number;
  readonly key: K;
  readonly value: V;
}

/**
 * One walk over a map as it was when it began. What changes ahead of the walk is put aside first, in its old form;
 * what changes behind it, or was added since, does not matter any more.
 */
class Capture<K extends string | number, V> {
  readonly id: number;
  readonly slots: Slots<K, V>;
  readonly #lastOrder: number;
  readonly #saved = new Heap<Saved<K, V>>((a, b) => a.order - b.order);
  /** The newest that the walk over the slots has met. */
  #met: Slot<K, V> | undefined;
  #ahead: Slot<K, V> | undefined;
  /** Nothing is left to meet; what is inserted from now on was not captured. */
  #isWalked = false;
  #position = 0;
  #left: number;
  replaced = false;

  constructor(id: number, slots: Slots<K, V>) {
    this.id = id;
    this.slots = slots;
    this.#lastOrder = slots.lastOrder;
    this.#left = slots.size;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  keep({ key, value, order, savedFor }: Slot<K, V>): boolean {
    if (order > this.#lastOrder || order <= this.#position || savedFor === this.id) return false;
    this.#saved.push({ order, key, value });
    return true;
  }

  next(): readonly [K, V] | undefined {
    assert(!this.replaced, 'a capture is read before the next one of the same map begins');
    if (this.#left === 0) return undefined;
    const pair = this.#take();
    if (--this.#left === 0) this.#met = undefined;
    return pair;
  }

  #take(): readonly [K, V] {
    const ahead = this.#nextLive();
    const saved = this.#saved.peek();
    if (saved && (!ahead || saved.order < ahead.order)) {
      this.#saved.pop();
      this.#position = saved.order;
      return [saved.key, saved.value];
    }
    assert(ahead, 'what was captured is in the map or was put aside');
    this.#ahead = undefined;
    this.#position = ahead.order;
    return [ahead.key, ahead.value];
  }

  /** The next key that still has the value it had; it stays where it is until it is taken. */
  #nextLive(): Slot<K, V> | undefined {
    while (!this.#ahead || this.#ahead.savedFor === this.id) {
      this.#ahead = this.#isWalked ? undefined : this.slots.after(this.#met);
      this.#isWalked = !this.#ahead || this.#ahead.order > this.#lastOrder;
      if (this.#isWalked) return (this.#met = this.#ahead = undefined);
      this.#met = this.#ahead;
    }
    return this.#ahead;
  }
}

/**
 * A map for the state of a replicated module, whose snapshot costs nothing to take: {@link capture} is O(1), and the
 * pairs are then handed out one by one, as they were at that moment, while the map goes on changing. A change costs
 * what a `Map`'s does and a hash of its key, and O(log c) more for the c pairs that changed ahead of a capture that is
 * being read; those are what is kept in memory besides. However many pairs there are, none of its methods but the walks takes long.
 *
 * Pairs are visited in the order their keys were first set, also by a capture and after a restore, so what depends on
 * the order stays equal on every node. Values are replaced with {@link set}, never changed in place: a capture would
 * show the change.
 */
export class SnapshotableMap<K extends string | number, V> {
  #slots = new Slots<K, V>();
  #lastOrder = 0;
  #captures = 0;
  #capture: Capture<K, V> | undefined;

  get size(): number {
    return this.#slots.size;
  }

  has(key: K): boolean {
    return this.#slots.find(key) !== undefined;
  }

  get(key: K): V | undefined {
    return this.#slots.find(key)?.value;
  }

  set(key: K, value: V): void {
    const slot = this.#slots.find(key);
    if (slot) {
      this.#keep(slot);
      slot.value = value;
    } else this.#slots.insert(key, value, ++this.#lastOrder);
  }

  delete(key: K): boolean {
    const slot = this.#slots.find(key);
    if (!slot) return false;
    this.#keep(slot);
    this.#slots.delete(slot);
    return true;
  }

  clear(): void {
    this.#replace(new Slots());
  }

  *entries(): IterableIterator<[K, V]> {
    for (const { key, value } of this.#walk()) yield [key, value];
  }

  *values(): IterableIterator<V> {
    for (const { value } of this.#walk()) yield value;
  }

  *keys(): IterableIterator<K> {
    for (const { key } of this.#walk()) yield key;
  }

  /**
   * The pairs as they are now, to be read whenever it suits. One capture at a time: a new one ends the one before,
   * whose next read is then a defect of the reader.
   */
  capture(): Iterable<readonly [K, V]> {
    if (this.#capture) this.#capture.replaced = !this.#capture.isOver;
    const capture = new Capture(++this.#captures, this.#slots);
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
    const slots = new Slots<K, V>();
    let order = 0;
    return {
      add: (part) => {
        const [key, value] = pairOf(part);
        const known = slots.find(key);
        if (known) known.value = value;
        else slots.insert(key, value, ++order);
      },
      finish: () => {
        this.#replace(slots);
        this.#lastOrder = order;
      },
    };
  }

  /** A capture that is being read walks on over the pairs that are let go; one that is over lets go of them too. */
  #replace(slots: Slots<K, V>): void {
    if (this.#capture?.isOver) this.#capture = undefined;
    this.#slots = slots;
  }

  *#walk(): IterableIterator<Slot<K, V>> {
    const slots = this.#slots;
    for (let slot = slots.after(undefined); slot; slot = slots.after(slot)) yield slot;
  }

  #keep(slot: Slot<K, V>): void {
    const capture = this.#capture;
    if (capture?.slots !== this.#slots || capture.replaced) return;
    if (capture.keep(slot)) slot.savedFor = capture.id;
  }
}
