import type { ExecutionMode, Plan } from '@tutti/actors';

export interface PlanRequest {
  readonly plan: Plan;
  readonly mode: ExecutionMode;
}

export interface StreamRequest {
  readonly ratePerS: number;
  readonly durationMs: number;
  /** In one session; none for tasks that are added one by one to a session that is open. */
  readonly tasks?: number;
}

/** How far a session is, by one node's copy of the board. */
export interface TaskProgress {
  readonly state: string;
  /** Tasks that each node holds now. */
  readonly held: Readonly<Record<string, readonly string[]>>;
}

/** A completion to wait for: after a moment on the shared clock, by another node than `notBy`, of one of `tasks`. */
export interface CompletionWait {
  readonly afterMs: number;
  readonly notBy: string;
  readonly tasks: readonly string[];
}
