/**
 * An object as it behaves when one client at a time uses it: what a history is held against. States are values; an
 * operation never changes the one it is given.
 */
export interface SequentialModel<State, Input, Output> {
  readonly name: string;
  readonly initial: State;
  /**
   * Which part of the object an operation is about. Parts must not influence each other: then a history is
   * linearizable exactly if each part's operations are (Herlihy and Wing 1990, theorem 1), and each is checked alone.
   */
  partition(input: Input): string;
  /** What the operation makes of the state, and what it answers. Defined for every state. */
  apply(state: State, input: Input): { readonly state: State; readonly output: Output };
  /** Whether a client that was told `observed` may have been given `expected`. */
  agrees(expected: Output, observed: Output): boolean;
  /** Equal for equal states and for no others. */
  fingerprint(state: State): string;
  /** The operation in a few words. Operations with equal words are taken for the same one. */
  describe(input: Input): string;
  describeOutput(input: Input, output: Output): string;
  describeState(state: State): string;
  /**
   * Optional, for objects that only grow: a test whether an operation with this answer can still come after a state,
   * whatever happens in between; undefined where the answer excludes nothing. It spares the search whole branches.
   */
  canFollow?(input: Input, observed: Output): ((state: State) => boolean) | undefined;
}
