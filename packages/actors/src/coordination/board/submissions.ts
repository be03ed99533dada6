import { canonicalText, Ring, TuttiError } from '@tutti/kernel';
import { digestOf } from '@tutti/runtime';
import type { PlanTask } from '../../engines/workflow/plan.ts';

/**
 * How many submissions of one session are remembered, the oldest forgotten first: one that is made again within so many
 * others is answered as the first time.
 */
export const SUBMISSIONS_KEPT = 10_000;

/** Tasks of the latest submissions that are kept themselves: about those that the board has anyway. */
export const TASKS_WHOLE_MAX = 20_000;

/** What is kept of a submission: its tasks, or their digest. */
type Known = readonly PlanTask[] | string;

/** What tells these tasks from others, down to the last field, whatever the order of the fields. */
export function tasksDigest(known: Known): string {
  return typeof known === 'string' ? known : digestOf(canonicalText(known));
}

/**
 * What was added to a session under which name, so that what is submitted twice is added once. A digest costs a good
 * part of what a task does, and most submissions are never made again: so it is taken only of those that are, and
 * where there are too many tasks to keep.
 */
export class Submissions {
  readonly #known = new Map<string, Known>();
  /** Oldest first. By itself, since a map whose first entry goes again and again is slow to find the next. */
  readonly #order = new Ring<string>(SUBMISSIONS_KEPT + 1);
  /** The last of these, whose tasks are kept. */
  readonly #whole = new Ring<string>(SUBMISSIONS_KEPT + 1);
  #wholeTasks = 0;

  /** Whether it was made before. @throws TuttiError `TUTTI_SUBMISSION_DIFFERS` if it was, with other tasks */
  isKnown(session: string, id: string, tasks: readonly PlanTask[]): boolean {
    const known = this.#known.get(id);
    if (known === undefined) return false;
    if (tasksDigest(known) === tasksDigest(tasks)) return true;
    throw new TuttiError('TUTTI_SUBMISSION_DIFFERS', { session, submission: id });
  }

  /** A digest, from a snapshot, only before any tasks. */
  add(id: string, known: Known): void {
    if (this.#order.size === SUBMISSIONS_KEPT) this.#forgetOldest();
    this.#known.set(id, known);
    this.#order.push(id);
    if (typeof known === 'string') return;
    this.#whole.push(id);
    this.#wholeTasks += known.length;
    while (this.#wholeTasks > TASKS_WHOLE_MAX) this.#digestOldest();
  }

  #forgetOldest(): void {
    const isWhole = this.#whole.size === this.#order.size;
    const id = this.#order.shift()!;
    if (isWhole) this.#wholeTasks -= this.#known.get(this.#whole.shift()!)!.length;
    this.#known.delete(id);
  }

  #digestOldest(): void {
    const id = this.#whole.shift()!;
    const tasks = this.#known.get(id)!;
    this.#wholeTasks -= tasks.length;
    this.#known.set(id, tasksDigest(tasks));
  }

  /** Oldest first. */
  *[Symbol.iterator](): IterableIterator<[id: string, known: Known]> {
    for (const id of this.#order) yield [id, this.#known.get(id)!];
  }
}
