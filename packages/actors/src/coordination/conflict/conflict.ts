/** Two participants that disagree. */
export interface Conflict {
  /** The detector that found it, such as `api-contract`. */
  readonly check: string;
  readonly subject: string;
  readonly sides: readonly [ConflictSide, ConflictSide];
  readonly explanation: string;
}

export interface ConflictSide {
  readonly orchestrator: string;
  readonly task: string;
  readonly value: unknown;
}
