import type { PlanTask } from '../../engines/workflow/plan.ts';
import type { TaskRecord, TaskState } from './state.ts';

/** How many tasks of a session are in each state. */
export type TaskCounts = Record<TaskState, number>;

/** A task that has done nothing yet. */
export function newTaskRecord(plan: PlanTask, index: number, level: number): TaskRecord {
  return {
    plan,
    index,
    level,
    state: 'waiting',
    attempts: [],
    attemptCount: 0,
    failures: 0,
    output: undefined,
    readyAt: undefined,
    retryAt: undefined,
    completions: 0,
    reason: undefined,
  };
}

export function noCounts(): TaskCounts {
  return {
    waiting: 0,
    ready: 0,
    assigned: 0,
    running: 0,
    backoff: 0,
    done: 0,
    failed: 0,
    cancelled: 0,
    degraded: 0,
  };
}
