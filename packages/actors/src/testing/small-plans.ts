import type { Plan, PlanBarrier, PlanTask } from '../engines/workflow/plan.ts';

/** A task for tests: simulated work of one second by `backend`, needing nothing, tried up to three times. */
export function smallTask(id: string, fields: Partial<PlanTask> = {}): PlanTask {
  return {
    id,
    title: id,
    orchestrator: 'backend',
    work: { type: 'simulated', durationMs: 1_000 },
    needs: [],
    with: {},
    retry: { attemptsMax: 3, backoff: {} },
    timeoutMs: 300_000,
    estimateMs: 0,
    optional: false,
    deliverables: [],
    ...fields,
  };
}

/** A plan of these tasks, with every orchestrator that they name, five tasks at once each. */
export function smallPlan(tasks: readonly PlanTask[], barriers: readonly PlanBarrier[] = []): Plan {
  const names = new Set([
    ...tasks.map((task) => task.orchestrator),
    ...barriers.flatMap((barrier) => barrier.participants),
  ]);
  return {
    name: 'small',
    orchestrators: [...names].map((id) => ({ id, maxConcurrentTasks: 5 })),
    tasks,
    barriers,
  };
}
