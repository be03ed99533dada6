import type { TaskEvent } from './state.ts';

/** How many steps one session remembers by default; older ones are dropped and counted. */
export const JOURNAL_LIMIT = 20_000;

/**
 * The latest steps of a session's tasks, oldest first: what timelines are drawn from, and what shows from outside
 * that no task was completed twice. A task that nobody held when its session ended leaves no step.
 */
export class Journal {
  readonly limit: number;
  #events: TaskEvent[] = [];
  /** Where the oldest event is, once the array is full and written round. */
  #oldest = 0;
  #dropped = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.#events.length;
  }

  /** Steps that are no longer here because the bound was reached. */
  get dropped(): number {
    return this.#dropped;
  }

  add(event: TaskEvent): void {
    if (this.#events.length < this.limit) {
      this.#events.push(event);
      return;
    }
    this.#events[this.#oldest] = event;
    this.#oldest = (this.#oldest + 1) % this.limit;
    this.#dropped++;
  }

  [Symbol.iterator](): IterableIterator<TaskEvent> {
    return this.since(0);
  }

  /** The steps from the given number on, counting from the session's first as 0; those that were dropped are missing. */
  *since(number: number): IterableIterator<TaskEvent> {
    for (let i = Math.max(0, number - this.#dropped); i < this.#events.length; i++)
      yield this.#events[(this.#oldest + i) % this.#events.length]!;
  }

  restore(events: readonly TaskEvent[], dropped: number): void {
    this.#events = [...events];
    this.#oldest = 0;
    this.#dropped = dropped;
  }
}
