/**
 * Assertions state what the programmer believes, and stay on in production: a broken invariant stops the work
 * rather than spreading. What a caller or the outside world can get wrong is a {@link TuttiError} instead.
 */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws {@link AssertionError} unless `condition` holds. `belief` says what was believed, as a sentence. */
export function assert(condition: unknown, belief: string): asserts condition {
  if (!condition) throw new AssertionError(`Broken invariant: ${belief}`);
}

/** Marks an arm that no value can reach; the compiler checks it, and so does the running program. */
export function unreachable(value: never): never {
  throw new AssertionError(`Broken invariant: ${JSON.stringify(value)} is not one of the known cases`);
}
