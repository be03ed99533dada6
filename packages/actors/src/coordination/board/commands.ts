import type { ErrorDetails, Incarnation, NodeId } from '@tutti/kernel';
import type { ExecutionMode, Plan, PlanTask } from '../../engines/workflow/plan.ts';
import type { RecoveryMove } from '../../resilience/recovery-move.ts';
import type { Conflict } from '../conflict/conflict.ts';
import type { SessionState, TaskState } from './state.ts';

/** One life of one node, as the holder of attempts. */
export interface Holder {
  readonly node: NodeId;
  readonly incarnation: Incarnation;
}

/** Opens a session on a checked plan. Refused with `TUTTI_SESSION_EXISTS` if the id is taken by another plan. */
export interface OpenSession {
  readonly type: 'session.open';
  readonly session: string;
  readonly plan: Plan;
  readonly mode: ExecutionMode;
  readonly folder: string;
}

/**
 * As {@link OpenSession}, and it stays open until it is closed, also while it has nothing to do. Refused with
 * `TUTTI_SESSION_IN_WAVES` if it is to run in waves: nothing could be added to it.
 */
export interface BeginSession extends Omit<OpenSession, 'type'> {
  readonly type: 'session.begin';
}

/**
 * Adds tasks to a session that is open. Each submission is taken as a whole or refused as a whole, and is taken once
 * however often it is proposed. Refused with `TUTTI_SESSION_UNKNOWN`.
 */
export interface AddTasks {
  readonly type: 'tasks.add';
  readonly session: string;
  readonly submissions: readonly AddedSubmission[];
}

/** Tasks that are added together, under one name. */
export interface AddedSubmission {
  /** Unique within the session. */
  readonly id: string;
  readonly tasks: readonly PlanTask[];
}

/** Nothing more is added: the session ends when what it has is settled. Asked twice, it is closed once. */
export interface CloseSession {
  readonly type: 'session.close';
  readonly session: string;
}

/** Stops a session: running attempts lose their fences, nothing new starts. */
export interface CancelSession {
  readonly type: 'session.cancel';
  readonly session: string;
  readonly reason: string;
}

/** Gives ready tasks to orchestrators on nodes. Each task's answer is a fence, or why it was not given. */
export interface AssignTasks {
  readonly type: 'tasks.assign';
  readonly session: string;
  /**
   * Where fewer attempts of the orchestrator run on the node than its limit, over all sessions, the attempt is running
   * at once, and nobody need propose its start. Default false: it is only offered.
   */
  readonly begin?: boolean;
  readonly assignments: readonly (Holder & { readonly task: string; readonly why: string })[];
}

/**
 * An orchestrator on one node asks for ready tasks, until it holds `upTo` of them over all sessions, or its limit:
 * proposed together with the ends of those before, it saves a round to the master. Sessions take turns, and within one
 * the least slack comes first. The attempts are running at once. Refused with `TUTTI_HOLDER_LOST`.
 */
export interface TakeTasks {
  readonly type: 'tasks.take';
  readonly holder: Holder;
  readonly orchestrator: string;
  /** A level and not a number of tasks, so that a proposal that takes effect twice gives no more than once. */
  readonly upTo: number;
}

/** The orchestrator has begun an attempt: from here on it counts as running. */
export interface StartTask {
  readonly type: 'task.start';
  readonly session: string;
  readonly task: string;
  readonly fence: number;
}

/** Refused with `TUTTI_FENCE_STALE` when another attempt has taken over: the late result changes nothing. */
export interface CompleteTask {
  readonly type: 'task.complete';
  readonly session: string;
  readonly task: string;
  readonly fence: number;
  readonly output: unknown;
}

/**
 * An attempt has failed: the task waits for its retry, or fails for good. Refused with `TUTTI_FENCE_STALE`.
 */
export interface FailTask {
  readonly type: 'task.fail';
  readonly session: string;
  readonly task: string;
  readonly fence: number;
  readonly problem: { readonly code: string; readonly message: string };
  readonly retryable: boolean;
  /** How long the next attempt has to wait, drawn by the proposer from the task's backoff. */
  readonly retryInMs: number;
  /** `restart` when the orchestrator crashed under the attempt: kept with the session's recoveries. It uses up a try. */
  readonly recovery?: RecoveryMove;
}

/** Gives an attempt back without using up a try: the orchestrator was restarted, is full, or its node leaves. */
export interface ReturnTask {
  readonly type: 'task.return';
  readonly session: string;
  readonly task: string;
  readonly fence: number;
  readonly reason: string;
  /** `restart` when the orchestrator crashed under the attempt: kept with the session's recoveries. */
  readonly recovery?: RecoveryMove;
}

/** A retry's wait is over: back to ready. */
export interface WakeTask {
  readonly type: 'task.wake';
  readonly session: string;
  readonly task: string;
}

/** A node's life is over: every attempt it held goes back to ready, without using up a try. */
export interface LoseHolder {
  readonly type: 'holder.lost';
  readonly holder: Holder;
  /** The recovery that was chosen, for the record. */
  readonly recovery: RecoveryMove;
}

/** A full barrier was checked: released, or in conflict, which fails the session with both sides on show. */
export interface ResolveBarrier {
  readonly type: 'barrier.resolve';
  readonly session: string;
  readonly barrier: string;
  readonly generation: number;
  readonly conflicts: readonly Conflict[];
}

/** Gives up an optional task for good, so that the rest can finish on what is left of the cluster. */
export interface DegradeTask {
  readonly type: 'task.degrade';
  readonly session: string;
  readonly task: string;
  readonly reason: string;
}

/** What is proposed alone or together with others. */
export type SingleCommand =
  | OpenSession
  | BeginSession
  | AddTasks
  | CloseSession
  | CancelSession
  | AssignTasks
  | TakeTasks
  | StartTask
  | CompleteTask
  | FailTask
  | ReturnTask
  | WakeTask
  | LoseHolder
  | ResolveBarrier
  | DegradeTask;

/**
 * Several commands in one entry of the log, applied in their order as if each came alone: one that is refused changes
 * nothing for the next.
 */
export interface Batch {
  readonly type: 'batch';
  readonly commands: readonly SingleCommand[];
}

/** Everything that the task board takes from the log. */
export type BoardCommand = SingleCommand | Batch;

/**
 * What is in a command: a batch's parts, or itself. For watchers, who are also told of what was refused as nonsense:
 * whatever is none of a board's commands by its form is left out.
 */
export function partsOf(command: unknown): readonly SingleCommand[] {
  if (!isTyped(command)) return [];
  if (command.type !== 'batch') return [command as SingleCommand];
  const { commands } = command as { readonly commands?: unknown };
  return Array.isArray(commands) ? (commands.filter(isTyped) as SingleCommand[]) : [];
}

function isTyped(value: unknown): value is { readonly type: unknown } {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** What `batch` answers: those that were refused, by their place. */
export interface BatchAnswer {
  readonly refused: readonly { readonly at: number; readonly code: string; readonly message: string }[];
}

/** What `tasks.take` answers. */
export interface TasksTaken {
  readonly taken: number;
}

/** What `session.open` and `session.begin` answer. `created` is false when the same session was there already. */
export interface SessionOpened {
  readonly session: string;
  readonly created: boolean;
  readonly tasks: number;
  readonly levels: number;
}

/** What `tasks.add` answers per submission, in their order. `created` is false when it had been made before. */
export type SubmissionAdded =
  | { readonly submission: string; readonly created: boolean }
  | {
      readonly submission: string;
      readonly refused: { readonly code: string; readonly details: ErrorDetails };
    };

/** What `tasks.assign` answers per assignment, in their order: a fence, or why the task was not given. */
export type Assigned =
  | { readonly task: string; readonly fence: number; readonly attempt: number }
  | { readonly task: string; readonly refused: { readonly code: string; readonly message: string } };

/** What commands about one task answer: what it is now, and what the session is. */
export interface TaskMoved {
  readonly task: string;
  readonly state: TaskState;
  readonly session: SessionState;
}

/** What `holder.lost` answers: the attempts that went back to ready. */
export interface HolderLost {
  readonly requeued: readonly { readonly session: string; readonly task: string }[];
}

/** What `barrier.resolve`, `session.cancel` and `session.close` answer. */
export interface SessionMoved {
  readonly session: SessionState;
}
