import type { Plan, PlanBarrier, PlanTask } from '../engines/workflow/plan.ts';

/** A plan for tests: tasks are simulated and take a second unless they say otherwise. */
export function planOf(
  tasks: readonly (Partial<PlanTask> & { readonly id: string })[],
  { limit = 5, barriers = [] }: { limit?: number; barriers?: readonly PlanBarrier[] } = {},
): Plan {
  const full = tasks.map(
    (task): PlanTask => ({
      title: task.id,
      orchestrator: 'backend',
      work: { type: 'simulated', durationMs: 1_000 },
      needs: [],
      with: {},
      retry: { attemptsMax: 3, backoff: { initialMs: 100, factor: 2, maxMs: 30_000, jitter: 0 } },
      timeoutMs: 300_000,
      estimateMs: 0,
      optional: false,
      deliverables: [],
      ...task,
    }),
  );
  const orchestrators = [...new Set(full.map((task) => task.orchestrator))];
  return {
    name: 'test',
    orchestrators: orchestrators.map((id) => ({ id, maxConcurrentTasks: limit })),
    tasks: full,
    barriers,
  };
}
