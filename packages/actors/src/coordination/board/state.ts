import type { Incarnation, NodeId } from '@tutti/kernel';
import type { ExecutionMode, Plan, PlanTask } from '../../engines/workflow/plan.ts';
import type { Conflict, RecoveryMove } from './commands.ts';

/**
 * `waiting` (for tasks or a barrier) -> `ready` -> `assigned` (offered to an orchestrator) -> `running` -> `done`.
 * A failed attempt goes to `backoff` and then `ready` again, or to `failed`; a lost node sends it back to `ready`.
 */
export type TaskState =
  | 'waiting'
  | 'ready'
  | 'assigned'
  | 'running'
  | 'backoff'
  | 'done'
  | 'failed'
  | 'cancelled'
  | 'degraded';

/** How an attempt ended; undefined while it runs. */
export type AttemptOutcome = 'done' | 'failed' | 'lost' | 'cancelled';

export interface Attempt {
  readonly number: number;
  readonly fence: number;
  readonly node: NodeId;
  readonly incarnation: Incarnation;
  readonly assignedAt: number;
  startedAt: number | undefined;
  endedAt: number | undefined;
  outcome: AttemptOutcome | undefined;
  problem: { readonly code: string; readonly message: string } | undefined;
}

/** Times are log times, in milliseconds since 1970. */
export interface TaskRecord {
  readonly plan: PlanTask;
  /** Its wave: 0 for tasks that need nothing, else one more than the highest of what it needs. */
  readonly level: number;
  state: TaskState;
  readonly attempts: Attempt[];
  output: unknown;
  readyAt: number | undefined;
  /** In `backoff`: when it may be tried again. */
  retryAt: number | undefined;
  /** Completions that were accepted: never more than one. Counted, so that it can be checked from outside. */
  completions: number;
}

export interface BarrierRecord {
  readonly id: string;
  readonly title: string;
  readonly participants: readonly string[];
  readonly generation: number;
  state: 'filling' | 'full' | 'released' | 'conflict';
  /** Log time of each participant's arrival. */
  readonly arrivals: Map<string, number>;
  releasedAt: number | undefined;
  conflicts: readonly Conflict[];
}

export type SessionState = 'running' | 'done' | 'failed' | 'cancelled';

export interface SessionRecord {
  readonly id: string;
  readonly plan: Plan;
  readonly mode: ExecutionMode;
  readonly folder: string;
  state: SessionState;
  readonly openedAt: number;
  endedAt: number | undefined;
  /** Why it failed or was cancelled. */
  problem: { readonly code: string; readonly message: string } | undefined;
  readonly tasks: Map<string, TaskRecord>;
  readonly barriers: Map<string, BarrierRecord>;
  readonly recoveries: { at: number; node: NodeId; move: RecoveryMove; tasks: readonly string[] }[];
  /** Results refused because their fence was old. */
  staleResults: number;
}
