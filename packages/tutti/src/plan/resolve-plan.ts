import type { Plan, PlanTask, PlanWork, RetryPolicy } from '@tutti/actors';
import type { BackoffOptions } from '@tutti/kernel';
import type { PlanDocument } from './plan-document.ts';

type TaskDocument = PlanDocument['tasks'][string];
type RetryDocument = NonNullable<TaskDocument['retry']>;

const ATTEMPTS_DEFAULT = 3;
const TIMEOUT_MS_DEFAULT = 300_000;
const CONCURRENCY_DEFAULT = 5;
/** Who runs the tasks of a plan that names no orchestrator. */
const ORCHESTRATOR_DEFAULT = 'workflow';

/** Fills in the plan's defaults, then ours, so that what is proposed to the log says everything. */
export function resolvePlan(
  document: PlanDocument,
  workerModule: string | undefined,
  concurrencyOf: (orchestrator: string) => number | undefined,
): Plan {
  const tasks = Object.entries(document.tasks).map(([id, task]) =>
    resolveTask(id, task, document, workerModule),
  );
  const declared = Object.keys(document.orchestrators ?? {});
  const used = declared.length > 0 ? declared : [...new Set(tasks.map((task) => task.orchestrator))];
  return {
    name: document.name,
    orchestrators: used.map((id) => ({
      id,
      maxConcurrentTasks:
        document.orchestrators?.[id]?.concurrency ?? concurrencyOf(id) ?? CONCURRENCY_DEFAULT,
    })),
    tasks,
    barriers: Object.entries(document.barriers ?? {}).map(([id, barrier]) => ({
      id,
      title: barrier.title ?? id,
      participants: barrier.participants,
      after: barrier.after,
      before: barrier.before ?? [],
      ...(barrier.check === undefined ? {} : { check: barrier.check }),
    })),
  };
}

function resolveTask(
  id: string,
  task: TaskDocument,
  { defaults }: PlanDocument,
  workerModule: string | undefined,
): PlanTask {
  return {
    id,
    title: task.title ?? id,
    orchestrator: task.orchestrator ?? defaults?.orchestrator ?? ORCHESTRATOR_DEFAULT,
    work: resolveWork(task, workerModule),
    needs: task.needs ?? [],
    with: task.with ?? {},
    retry: resolveRetry(task.retry, defaults?.retry),
    timeoutMs: task.timeout ?? defaults?.timeout ?? Math.max(TIMEOUT_MS_DEFAULT, 2 * (task.simulate ?? 0)),
    estimateMs: task.estimate ?? task.simulate ?? 0,
    optional: task.optional ?? false,
    deliverables: task.produces ?? [],
  };
}

function resolveWork(task: TaskDocument, module: string | undefined): PlanWork {
  if (task.uses !== undefined)
    return { type: 'function', name: task.uses, ...(module === undefined ? {} : { module }) };
  if (task.run !== undefined) return { type: 'shell', command: task.run };
  return { type: 'simulated', durationMs: task.simulate ?? 0 };
}

function resolveRetry(own: RetryDocument | undefined, shared: RetryDocument | undefined): RetryPolicy {
  return {
    attemptsMax: own?.attempts ?? shared?.attempts ?? ATTEMPTS_DEFAULT,
    backoff: resolveBackoff(own?.backoff ?? shared?.backoff),
  };
}

function resolveBackoff(backoff: RetryDocument['backoff']): BackoffOptions {
  if (backoff === undefined) return {};
  if ('initialMs' in backoff) return backoff;
  const { initial, max, ...rest } = backoff;
  return {
    ...(initial === undefined ? {} : { initialMs: initial }),
    ...(max === undefined ? {} : { maxMs: max }),
    ...(rest.factor === undefined ? {} : { factor: rest.factor }),
    ...(rest.jitter === undefined ? {} : { jitter: rest.jitter }),
  };
}
