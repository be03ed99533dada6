import { TuttiError } from '@tutti/kernel';
import type { PlanTask } from '../../engines/workflow/plan.ts';

/**
 * How many submissions of one session are remembered, the oldest forgotten first: one that is made again within so many
 * others is answered as the first time.
 */
export const SUBMISSIONS_KEPT = 10_000;

/** What was added to a session under which name, so that what is submitted twice is added once. */
export class Submissions {
  readonly #tasks = new Map<string, readonly string[]>();

  /** Whether it was made before. @throws TuttiError `TUTTI_SUBMISSION_DIFFERS` if it was, with other tasks */
  isKnown(session: string, id: string, tasks: readonly PlanTask[]): boolean {
    const known = this.#tasks.get(id);
    if (!known) return false;
    if (known.length === tasks.length && tasks.every((task, at) => task.id === known[at])) return true;
    throw new TuttiError('TUTTI_SUBMISSION_DIFFERS', { session, submission: id });
  }

  add(id: string, tasks: readonly string[]): void {
    this.#tasks.set(id, tasks);
    if (this.#tasks.size <= SUBMISSIONS_KEPT) return;
    for (const oldest of this.#tasks.keys()) {
      this.#tasks.delete(oldest);
      break;
    }
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<[string, readonly string[]]> {
    return this.#tasks.entries();
  }
}
