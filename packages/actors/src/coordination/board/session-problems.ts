import { TuttiError } from '@tutti/kernel';
import type { Conflict } from '../conflict/conflict.ts';
import { FELLED_MAX, type TaskRecord } from './state.ts';

/** What went wrong, in the form the board keeps. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** How a command about a task is refused because of the state that the task is in. */
export type TaskRefusal =
  | 'TUTTI_TASK_NOT_READY'
  | 'TUTTI_TASK_NOT_RUNNING'
  | 'TUTTI_TASK_NOT_IN_BACKOFF'
  | 'TUTTI_TASK_NOT_OPTIONAL'
  | 'TUTTI_TASK_ENDED';

/** A session fails because a task of it has, for good. */
export function taskFailed(
  { plan: { id, retry }, failures }: TaskRecord,
  { code, message }: Problem,
): TuttiError {
  const problem = `${code} ${message}`;
  const { attemptsMax } = retry;
  return new TuttiError('TUTTI_TASK_FAILED', { task: id, failures, attemptsMax, problem });
}

export function taskFellsNodes({ plan: { id: task } }: TaskRecord): TuttiError {
  return new TuttiError('TUTTI_TASK_FELLS_NODES', { task, times: FELLED_MAX });
}

/** A session fails because what was brought to a barrier does not fit together. */
export function barrierConflict(barrier: string, { sides, subject, explanation }: Conflict): TuttiError {
  const [first, second] = sides.map((side) => `${side.orchestrator} (${side.task})`);
  return new TuttiError('TUTTI_BARRIER_CONFLICT', { barrier, first, second, subject, explanation });
}
