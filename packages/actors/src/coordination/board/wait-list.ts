import { TuttiError } from '@tutti/kernel';
import { abortableWaiter, type Waiter } from './waiter.ts';

/** Something that calls wait for, as it was known when the first of them came: it may be over and forgotten in one breath. */
export interface Waited<R> {
  readonly record: R;
  readonly waiters: Set<Waiter<R>>;
}

/** What a {@link WaitList} is about. */
export interface WaitListOptions {
  /** In the plural, for errors. */
  readonly what: string;
  /** Most calls that wait at once. */
  readonly max: number;
}

/** The calls of one kind that wait on this node: bounded in number, and ended when it stops. */
export class WaitList<R> {
  readonly #options: WaitListOptions;
  readonly #all = new Set<Waited<R>>();
  #count = 0;
  #isClosed = false;

  constructor(options: WaitListOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** @throws TuttiError `TUTTI_CLOSED` */
  checkOpen(): void {
    if (this.#isClosed) throw closed();
  }

  /** @throws TuttiError `TUTTI_OVERLOADED` */
  checkRoom(): void {
    const { what, max } = this.#options;
    if (this.#count >= max)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: `The list of those who wait for ${what}`,
        size: this.#count,
        limit: max,
      });
  }

  /** For `wait`, as long as anybody waits. */
  begin(record: R): Waited<R> {
    const waited = { record, waiters: new Set<Waiter<R>>() };
    this.#all.add(waited);
    return waited;
  }

  /**
   * @param name What is waited for, for the error when `signal` ends it.
   * @param onLeft When the last of those who waited has been ended by its signal.
   * @throws TuttiError `TUTTI_ABORTED`, `TUTTI_CLOSED`
   */
  wait(waited: Waited<R>, name: string, signal: AbortSignal | undefined, onLeft: () => void): Promise<R> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        waited.waiters.delete(waiter);
        this.#count--;
        if (waited.waiters.size === 0) {
          this.#all.delete(waited);
          onLeft();
        }
        waiter.reject(new TuttiError('TUTTI_ABORTED', { what: `Waiting for ${name}` }));
      };
      const waiter = abortableWaiter({ resolve, reject }, signal, abort);
      waited.waiters.add(waiter);
      this.#count++;
      if (signal?.aborted) abort();
    });
  }

  /** Nobody waits for it any more: each of those who did is told by `tell`. */
  end(waited: Waited<R>, tell: (waiter: Waiter<R>) => void): void {
    const waiters = [...waited.waiters];
    waited.waiters.clear();
    this.#all.delete(waited);
    this.#count -= waiters.length;
    for (const waiter of waiters) tell(waiter);
  }

  /** Those who still wait are told `TUTTI_CLOSED`. */
  close(): void {
    this.#isClosed = true;
    for (const waited of this.#all) this.end(waited, (waiter) => waiter.reject(closed()));
  }
}

function closed(): TuttiError {
  return new TuttiError('TUTTI_CLOSED', { what: 'Orchestration on this node' });
}
