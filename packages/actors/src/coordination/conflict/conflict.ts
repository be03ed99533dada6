/** Two participants that disagree. */
export interface Conflict {
  /** The detector that found it, such as `api-contract`. */
  readonly check: string;
  readonly subject: string;
  readonly sides: readonly [ConflictSide, ConflictSide];
  readonly explanation: string;
}

/** What one side said: the result of its task about the subject. */
export interface ConflictSide {
  readonly orchestrator: string;
  readonly task: string;
  readonly value: unknown;
}
