import type { Incarnation, NodeId } from '@tutti/kernel';
import type { ExecutionMode, Plan, PlanTask } from '../../engines/workflow/plan.ts';
import type { RecoveryMove } from '../../resilience/recovery-move.ts';
import type { Conflict } from '../conflict/conflict.ts';

/**
 * `waiting` (for tasks or a barrier) -> `ready` -> `assigned` (offered to an orchestrator) -> `running` -> `done`.
 * A failed attempt goes to `backoff` and then `ready` again, or to `failed`; a lost node sends it back to `ready`.
 */
export type TaskState = (typeof TASK_STATES)[number];

/** In the order of a task's way. */
export const TASK_STATES = [
  'waiting',
  'ready',
  'assigned',
  'running',
  'done',
  'backoff',
  'failed',
  'cancelled',
  'degraded',
] as const;

/** How an attempt ended; undefined while it runs. */
export type AttemptOutcome = 'done' | 'failed' | 'lost' | 'returned' | 'cancelled';

/**
 * One try at a task, on one node, under a fence of its own. Times are log times, in milliseconds since 1970.
 */
export interface Attempt {
  readonly number: number;
  readonly fence: number;
  readonly node: NodeId;
  readonly incarnation: Incarnation;
  /** Why the task was given to this node, in the words of whoever assigned it. */
  readonly why: string;
  readonly assignedAt: number;
  /** Whether the board itself set it running when it was given, because a slot was free: nobody proposed its start. */
  readonly isHandedOver: boolean;
  startedAt: number | undefined;
  endedAt: number | undefined;
  outcome: AttemptOutcome | undefined;
  problem: { readonly code: string; readonly message: string } | undefined;
}

/** Times are log times, in milliseconds since 1970. */
export interface TaskRecord {
  readonly plan: PlanTask;
  /** Its place in the plan; of one that was added, behind these and behind all that were added before. */
  readonly index: number;
  /** Its wave: 0 for tasks that need nothing, else one more than the highest of what it needs. */
  readonly level: number;
  state: TaskState;
  /** The latest attempts, at most {@link ATTEMPTS_KEPT}, oldest first: a node that comes and goes makes many. */
  readonly attempts: Attempt[];
  /** All attempts there ever were; the number of the latest one. */
  attemptCount: number;
  /** Attempts that failed: what the retry policy counts. Lost and returned ones are not among them. */
  failures: number;
  output: unknown;
  readyAt: number | undefined;
  /** In `backoff`: when it may be tried again. */
  retryAt: number | undefined;
  /** Completions that were accepted: never more than one. Counted, so that it can be checked from outside. */
  completions: number;
  /** Why it was degraded or cancelled. */
  reason: string | undefined;
}

/** How many attempts of one task are remembered. */
export const ATTEMPTS_KEPT = 32;

/**
 * A task that has taken its node or its orchestrator with it this often in a row, while it ran, is given no other: each
 * further attempt would cost the cluster one more. Well above what a cluster that is only unlucky comes to.
 */
export const FELLED_MAX = 10;

/** How many of the latest attempts in a row began, and ended with the life of who ran them. */
export function felledInARow(attempts: readonly Attempt[]): number {
  let felled = 0;
  for (const { outcome, problem, startedAt } of attempts.toReversed()) {
    const isGivenBackByRestart = outcome === 'returned' && problem?.code === 'TUTTI_ORCHESTRATOR_RESTARTED';
    if (outcome !== 'lost' && !isGivenBackByRestart) break;
    if (startedAt !== undefined) felled++;
  }
  return felled;
}

/** Tasks in these states are over, and let what depends on them go on. */
export function isSettled(state: TaskState): boolean {
  return state === 'done' || state === 'degraded';
}

/** Tasks in these states change no more. */
export function isTerminal(state: TaskState): boolean {
  return isSettled(state) || state === 'failed' || state === 'cancelled';
}

/** One step of one task, as the journal keeps it. */
export interface TaskEvent {
  /** Where in the log it happened; several steps may share an entry. */
  readonly index: number;
  readonly timeMs: number;
  readonly task: string;
  readonly from: TaskState;
  readonly to: TaskState;
  /** The attempt it belongs to; 0 and absent where there is none yet. */
  readonly attempt: number;
  readonly fence: number;
  readonly node: NodeId | undefined;
}

/** A recovery that was carried out: what a lost node held, and what was done about it. */
export interface RecoveryRecord {
  readonly at: number;
  readonly node: NodeId;
  readonly move: RecoveryMove;
  readonly tasks: readonly string[];
}

/** A barrier as the board keeps it; after a conflict it fills anew, as the next generation. */
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

/**
 * Whether tasks may be added to a session. `open`: it stays open when all that it has is done, until it is closed.
 * `while-running`: for as long as it has something to do. `closed`: no more.
 */
export type Intake = 'open' | 'while-running' | 'closed';

/** A session that is not `running` is over, and changes no more. */
export type SessionState = 'running' | 'done' | 'failed' | 'cancelled';

/** One run of one plan, as the board keeps it. Times are log times, in milliseconds since 1970. */
export interface SessionRecord {
  readonly id: string;
  /** As it was submitted; what was added since is among the {@link tasks} only. */
  readonly plan: Plan;
  readonly mode: ExecutionMode;
  readonly folder: string;
  /** What may still be added. */
  intake: Intake;
  /** Added tasks that were settled so long ago that they are not kept any more. */
  readonly forgotten: number;
  state: SessionState;
  readonly openedAt: number;
  endedAt: number | undefined;
  /** Why it failed or was cancelled. */
  problem: { readonly code: string; readonly message: string } | undefined;
  readonly tasks: Map<string, TaskRecord>;
  readonly barriers: Map<string, BarrierRecord>;
  /** The latest {@link RECOVERIES_KEPT}, oldest first. */
  readonly recoveries: RecoveryRecord[];
  /** Results refused because their fence was old. */
  staleResults: number;
  /** How many attempts this orchestrator may run at once on each node, by the plan; 0 if the plan does not name it. */
  limitOf(orchestrator: string): number;
}

/** How many recoveries of one session are remembered. */
export const RECOVERIES_KEPT = 256;
