import { TuttiError } from '@tutti/kernel';
import type { Plan, PlanWork } from '../engines/workflow/plan.ts';
import type { Worker } from './worker.ts';

/**
 * The first worker that can do this work.
 * @throws TuttiError `TUTTI_WORKER_UNKNOWN` naming the task, with the reason of the last worker of that kind; or what
 * that worker's check gave, when it has a code of its own
 */
export function findWorker(workers: readonly Worker[], task: string, work: PlanWork): Worker {
  let problem: Error | undefined;
  for (const worker of workers) {
    if (worker.type !== work.type) continue;
    problem = worker.check(work);
    if (!problem) return worker;
  }
  if (problem instanceof TuttiError && problem.code !== 'TUTTI_WORKER_UNKNOWN') throw problem;
  throw new TuttiError('TUTTI_WORKER_UNKNOWN', {
    task,
    type: work.type,
    problem: problem instanceof TuttiError ? (problem.details.problem ?? problem.message) : reason(problem),
  });
}

function reason(problem: Error | undefined): string {
  return problem ? problem.message : 'no worker of that kind is installed';
}

/** Checks every task of a plan. @throws TuttiError as {@link findWorker} */
export function checkWorkers(workers: readonly Worker[], plan: Pick<Plan, 'tasks'>): void {
  for (const task of plan.tasks) findWorker(workers, task.id, task.work);
}
