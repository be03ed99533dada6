import { Ring } from './ring.ts';

/** What a full queue does with one more item: refuse it, or make room by dropping its oldest. */
export type OverflowPolicy = 'reject' | 'drop-oldest' | 'drop-newest';

/** What became of an item that was offered. `dropped` is what was lost, for counting it. */
export type Offer<T> = { readonly accepted: boolean; readonly dropped?: T };

/** A queue with a stated bound and a stated answer to overflow. Nothing is lost without being handed back. */
export class BoundedQueue<T> {
  readonly #ring: Ring<T>;
  readonly policy: OverflowPolicy;

  constructor(limit: number, policy: OverflowPolicy = 'reject') {
    this.#ring = new Ring<T>(limit);
    this.policy = policy;
  }

  get size(): number {
    return this.#ring.size;
  }

  get limit(): number {
    return this.#ring.limit;
  }

  offer(item: T): Offer<T> {
    if (this.#ring.push(item)) return { accepted: true };
    if (this.policy === 'reject') return { accepted: false };
    if (this.policy === 'drop-newest') return { accepted: false, dropped: item };
    const dropped = this.#ring.shift()!;
    this.#ring.push(item);
    return { accepted: true, dropped };
  }

  shift(): T | undefined {
    return this.#ring.shift();
  }

  peek(): T | undefined {
    return this.#ring.peek();
  }

  clear(): void {
    this.#ring.clear();
  }
}
