import type { NodeId } from '@tutti/kernel';
import type { PlanWork } from '../../engines/workflow/plan.ts';
import type { Attempt, SessionRecord, TaskRecord } from '../board/state.ts';

/**
 * What an orchestrator is handed with one task: everything that it needs to do the work and to answer for it. Built
 * from the board, never sent: both ends read the same board.
 */
export interface DelegationPackage {
  readonly session: string;
  readonly task: string;
  readonly title: string;
  readonly orchestrator: string;
  readonly node: NodeId;
  /** From 1 up. */
  readonly attempt: number;
  readonly fence: number;
  /** How many attempts failed before this one; lost and returned ones do not count. */
  readonly failures: number;
  readonly work: PlanWork;
  readonly with: Readonly<Record<string, unknown>>;
  /** The outputs of the tasks it needs, by task id. */
  readonly needs: Readonly<Record<string, unknown>>;
  readonly folder: string;
  readonly timeoutMs: number;
  readonly backoff: TaskRecord['plan']['retry']['backoff'];
  readonly deliverables: readonly string[];
}

/** The package of a task's latest attempt. */
export function delegationPackage(
  session: SessionRecord,
  task: TaskRecord,
  attempt: Attempt,
): DelegationPackage {
  const { plan } = task;
  const needs: Record<string, unknown> = {};
  for (const need of plan.needs) needs[need] = session.tasks.get(need)?.output;
  return {
    session: session.id,
    task: plan.id,
    title: plan.title,
    orchestrator: plan.orchestrator,
    node: attempt.node,
    attempt: attempt.number,
    fence: attempt.fence,
    failures: task.failures,
    work: plan.work,
    with: plan.with,
    needs,
    folder: session.folder,
    timeoutMs: plan.timeoutMs,
    backoff: plan.retry.backoff,
    deliverables: plan.deliverables,
  };
}
