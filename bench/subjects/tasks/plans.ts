import type { Plan, PlanTask, PlanWork } from '@tutti/actors';

const NOOP: PlanWork = { type: 'function', name: 'noop' };

/** One task of a plan for measuring: no retries to wait for, no deliverables. */
export function benchTask(
  id: string,
  needs: readonly string[] = [],
  work: PlanWork = NOOP,
  input: PlanTask['with'] = {},
): PlanTask {
  return {
    id,
    title: id,
    orchestrator: 'bench',
    work,
    needs,
    with: input,
    retry: { attemptsMax: 3, backoff: { initialMs: 10, maxMs: 100 } },
    timeoutMs: 60_000,
    estimateMs: work.type === 'simulated' ? work.durationMs : 0,
    optional: false,
    deliverables: [],
  };
}

export function benchPlan(tasks: readonly PlanTask[], concurrency: number): Plan {
  return {
    name: 'bench',
    orchestrators: [{ id: 'bench', maxConcurrentTasks: concurrency }],
    tasks,
    barriers: [],
  };
}

/** Tasks that need nothing. */
export function widePlan(
  tasks: number,
  concurrency: number,
  work: PlanWork = NOOP,
  input: PlanTask['with'] = {},
): Plan {
  return benchPlan(
    Array.from({ length: tasks }, (_, i) => benchTask(`t${i}`, [], work, input)),
    concurrency,
  );
}

/** Tasks that need nothing, take their time, and are written down by whoever has done them. */
export function timedPlan(tasks: number, concurrency: number, ms: number): Plan {
  return widePlan(tasks, concurrency, { type: 'function', name: 'timed' }, { ms });
}

/** Each needs the one before. */
export function chainPlan(tasks: number, work: PlanWork = NOOP): Plan {
  return benchPlan(
    Array.from({ length: tasks }, (_, i) => benchTask(`t${i}`, i === 0 ? [] : [`t${i - 1}`], work)),
    1,
  );
}
