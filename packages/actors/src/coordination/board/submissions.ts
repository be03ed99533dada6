import { canonicalJson, messageOf, Ring, TuttiError } from '@tutti/kernel';
import { digestOf } from '@tutti/runtime';
import type { PlanTask } from '../../engines/workflow/plan.ts';

/**
 * How many submissions of one session are remembered, the oldest forgotten first: one that is made again within so many
 * others is answered as the first time.
 */
export const SUBMISSIONS_KEPT = 10_000;

/**
 * What tells these tasks from others, down to the last field, whatever the order of the fields.
 * @throws TuttiError `TUTTI_BOARD_COMMAND_INVALID` for what is no JSON, and no snapshot could hold
 */
export function tasksDigest(tasks: readonly PlanTask[]): string {
  try {
    return digestOf(canonicalJson(tasks));
  } catch (thrown) {
    throw new TuttiError(
      'TUTTI_BOARD_COMMAND_INVALID',
      { problem: `the tasks to add are no JSON: ${messageOf(thrown)}` },
      { cause: thrown },
    );
  }
}

/**
 * What was added to a session under which name, so that what is submitted twice is added once. Of the tasks only a
 * digest is kept: they may be many, and be forgotten before their submission is.
 */
export class Submissions {
  readonly #digests = new Map<string, string>();
  /** Oldest first. By itself, since a map whose first entry goes again and again is slow to find the next. */
  readonly #order = new Ring<string>(SUBMISSIONS_KEPT + 1);

  /** Whether it was made before. @throws TuttiError `TUTTI_SUBMISSION_DIFFERS` if it was, with other tasks */
  isKnown(session: string, id: string, digest: string): boolean {
    const known = this.#digests.get(id);
    if (known === undefined || known === digest) return known !== undefined;
    throw new TuttiError('TUTTI_SUBMISSION_DIFFERS', { session, submission: id });
  }

  add(id: string, digest: string): void {
    this.#digests.set(id, digest);
    this.#order.push(id);
    if (this.#order.size > SUBMISSIONS_KEPT) this.#digests.delete(this.#order.shift()!);
  }

  /** Oldest first. */
  *[Symbol.iterator](): IterableIterator<[id: string, digest: string]> {
    for (const id of this.#order) yield [id, this.#digests.get(id)!];
  }
}
