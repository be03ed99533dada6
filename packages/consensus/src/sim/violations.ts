/** A promise that was broken in a run: which one, and by whom. */
export interface Violation {
  readonly checker: string;
  readonly problem: string;
  readonly atMs: number;
}

/**
 * Where checkers put what they find. They do not throw: they are called from inside the code under test, which
 * would catch it.
 */
export class Violations {
  readonly #now: () => number;
  readonly #found: Violation[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  get first(): Violation | undefined {
    return this.#found[0];
  }

  add(checker: string, problem: string): void {
    this.#found.push({ checker, problem, atMs: this.#now() });
  }
}
