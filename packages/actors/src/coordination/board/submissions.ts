import { Ring, TuttiError } from '@tutti/kernel';
import type { PlanTask } from '../../engines/workflow/plan.ts';

/**
 * How many submissions of one session are remembered, the oldest forgotten first: one that is made again within so many
 * others is answered as the first time.
 */
export const SUBMISSIONS_KEPT = 10_000;

/** What was added to a session under which name, so that what is submitted twice is added once. */
export class Submissions {
  readonly #tasks = new Map<string, readonly string[]>();
  /** Oldest first. By itself, since a map whose first entry goes again and again is slow to find the next. */
  readonly #order = new Ring<string>(SUBMISSIONS_KEPT + 1);

  /** Whether it was made before. @throws TuttiError `TUTTI_SUBMISSION_DIFFERS` if it was, with other tasks */
  isKnown(session: string, id: string, tasks: readonly PlanTask[]): boolean {
    const known = this.#tasks.get(id);
    if (!known) return false;
    if (known.length === tasks.length && tasks.every((task, at) => task.id === known[at])) return true;
    throw new TuttiError('TUTTI_SUBMISSION_DIFFERS', { session, submission: id });
  }

  add(id: string, tasks: readonly string[]): void {
    this.#tasks.set(id, tasks);
    this.#order.push(id);
    if (this.#order.size > SUBMISSIONS_KEPT) this.#tasks.delete(this.#order.shift()!);
  }

  /** Oldest first. */
  *[Symbol.iterator](): IterableIterator<[string, readonly string[]]> {
    for (const id of this.#order) yield [id, this.#tasks.get(id)!];
  }
}
