/**
 * A note that a log was begun, kept where it does not go when the log goes. A directory that is empty says nothing: it
 * is that of a node which never voted, or of one whose log somebody deleted, and the second must not vote as if it were
 * the first.
 */
export interface LogBeginning {
  /** Whether a log was begun, in this life or an earlier one. */
  readonly isNoted: boolean;
  /**
   * Notes it; durable when this returns. Called when the first write is on the disk, before anybody is told of it: so
   * there is a log wherever there is a note, and a note wherever something was promised.
   */
  note(): void;
}
