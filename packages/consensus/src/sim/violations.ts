/** A promise that was broken in a run: which one, and by whom. */
export interface Violation {
  readonly checker: string;
  readonly problem: string;
  readonly atMs: number;
  /** What clients saw, where the promise is one to them. */
  readonly evidence?: Evidence;
}

/** A history that is no history of one object. */
export interface Evidence {
  /** The calls of the part of it that is wrong. */
  readonly operations: readonly object[];
  /** The same as an HTML page. */
  readonly page: string;
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

  add(checker: string, problem: string, evidence?: Evidence): void {
    this.#found.push({ checker, problem, atMs: this.#now(), ...(evidence && { evidence }) });
  }
}
