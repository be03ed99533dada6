import { isTuttiError } from '@tutti/kernel';

/** How often a run did what not every run does: to see that each trouble strikes, and that what is rare is reached. */
export class Marks {
  readonly #counts = new Map<string, number>();

  count(what: string, times = 1): void {
    if (times > 0) this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}

/** What a failure counts as. */
export const markOf = (failure: Error): string => (isTuttiError(failure) ? failure.code : failure.name);
