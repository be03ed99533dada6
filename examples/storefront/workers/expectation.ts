import { isDeepStrictEqual } from 'node:util';

/** A check of the storefront that failed, with both sides of it. */
export class ExpectationError extends Error {
  readonly expected: unknown;
  readonly seen: unknown;

  constructor(what: string, expected: unknown, seen: unknown) {
    super(`${what}: expected ${JSON.stringify(expected)}, saw ${JSON.stringify(seen)}`);
    this.name = 'ExpectationError';
    this.expected = expected;
    this.seen = seen;
  }
}

/** Collects the checks of one task for its report; the first that fails throws. */
export class Checks {
  readonly passed: string[] = [];

  equal(what: string, seen: unknown, expected: unknown): void {
    if (!isDeepStrictEqual(seen, expected)) throw new ExpectationError(what, expected, seen);
    this.passed.push(what);
  }

  holds(what: string, condition: boolean, seen: unknown, expected: string): void {
    if (!condition) throw new ExpectationError(what, expected, seen);
    this.passed.push(what);
  }
}
