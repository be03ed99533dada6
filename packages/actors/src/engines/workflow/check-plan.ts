import { TuttiError } from '@tutti/kernel';
import { barrierProblems } from './check-barriers.ts';
import { circleProblems } from './check-circles.ts';
import { taskProblems } from './check-tasks.ts';
import { type Levels, levelsOf, type Schedule, scheduleOf } from './graph.ts';
import type { Plan, SourceMap } from './plan.ts';
import { levelWeights, type PlanGraph, planGraph } from './plan-graph.ts';
import type { PlanProblem } from './plan-problem.ts';
import { taskNames } from './task-names.ts';

/** The most of each that one plan may have. A plan is one entry of the log, and every voter holds it in memory. */
export const PLAN_LIMITS = {
  tasks: 200_000,
  needs: 2_000_000,
  barriers: 10_000,
  orchestrators: 1_000,
} as const;

/** Problems beyond this many are counted but not described. */
const PROBLEMS_MAX = 100;

/** What else a plan is checked against. */
export interface CheckOptions {
  /** Names of the conflict detectors there are; a barrier's `check` is not looked at without them. */
  readonly detectors?: readonly string[];
  /** Whether it may have no task, since tasks will be added; default false. */
  readonly mayBeEmpty?: boolean;
}

/** A plan that can be run to its end, with what the check found out on its way. */
export interface CheckedPlan {
  readonly plan: Plan;
  readonly graph: PlanGraph;
  /** Per node of the graph; of a task it is its wave. */
  readonly levels: Int32Array;
  readonly levelCount: number;
  /**
   * In milliseconds of the tasks' estimates: the least the plan can take, and the tasks that make it so. Without
   * estimates it has no length, and the tasks are those of a longest chain.
   */
  readonly criticalPath: { readonly lengthMs: number; readonly tasks: readonly string[] };
  /** The sum of all estimates: what one pair of hands would take. */
  readonly estimateMs: number;
  /** Per node: how long it can slip. A plan without estimates is measured in tasks instead of milliseconds. */
  readonly slacks: Float64Array;
}

/**
 * Finds everything that would keep a plan from running to its end, in O(V + E). Throws the first problem, with all of
 * them (up to 100, each `{ code, message, at }`) in `details.problems` and their number in `details.problemCount`.
 * `at` is `file:line:column` where a source map knows it.
 * @throws TuttiError `TUTTI_PLAN_*`
 */
export function checkPlan(plan: Plan, sourceMap?: SourceMap, options: CheckOptions = {}): CheckedPlan {
  refuse(plan, sizeProblems(plan, options), sourceMap);
  const names = taskNames(plan.tasks);
  const problems = [...taskProblems(plan, names), ...barrierProblems(plan, options.detectors)];
  const graph = planGraph(plan, names);
  const levels = levelsOf(graph.graph, levelWeights(graph));
  if (levels.cyclic) problems.push(...circleProblems(plan, graph));
  refuse(plan, problems, sourceMap);
  return describe(plan, graph, levels);
}

function describe(plan: Plan, graph: PlanGraph, { order, levels }: Levels): CheckedPlan {
  const estimates = new Float64Array(graph.graph.size);
  let estimateMs = 0;
  plan.tasks.forEach((task, index) => {
    estimates[index] = task.estimateMs;
    estimateMs += task.estimateMs;
  });
  const isEstimated = estimateMs > 0;
  const durations = isEstimated ? estimates : Float64Array.from(levelWeights(graph));
  const schedule = scheduleOf(graph.graph, order, durations);
  let levelCount = 0;
  for (let task = 0; task < graph.taskCount; task++) levelCount = Math.max(levelCount, levels[task]! + 1);
  return {
    plan,
    graph,
    levels,
    levelCount,
    criticalPath: { lengthMs: isEstimated ? schedule.length : 0, tasks: namesOf(plan, schedule) },
    estimateMs,
    slacks: schedule.slacks,
  };
}

function namesOf(plan: Plan, schedule: Schedule): string[] {
  return schedule.path.flatMap((node) => plan.tasks[node]?.id ?? []);
}

function sizeProblems(plan: Plan, { mayBeEmpty = false }: CheckOptions): PlanProblem[] {
  if (plan.tasks.length === 0 && !mayBeEmpty)
    return [{ code: 'TUTTI_PLAN_EMPTY', path: ['tasks'], details: { plan: plan.name } }];
  let needs = 0;
  for (const task of plan.tasks) needs += task.needs.length;
  for (const barrier of plan.barriers) needs += barrier.after.length + barrier.before.length;
  const sizes: [keyof typeof PLAN_LIMITS, number][] = [
    ['tasks', plan.tasks.length],
    ['needs', needs],
    ['barriers', plan.barriers.length],
    ['orchestrators', plan.orchestrators.length],
  ];
  return sizes.flatMap(([what, size]) =>
    size <= PLAN_LIMITS[what]
      ? []
      : [
          {
            code: 'TUTTI_PLAN_TOO_LARGE' as const,
            path: [what],
            details: { what, size, limit: PLAN_LIMITS[what] },
          },
        ],
  );
}

/** @throws TuttiError the first of these, with all of them in its details */
export function refuse(
  plan: Pick<Plan, 'name'>,
  problems: readonly PlanProblem[],
  sourceMap?: SourceMap,
): void {
  const first = problems[0];
  if (!first) return;
  const errors = problems.slice(0, PROBLEMS_MAX).map((problem) => toError(plan, problem, sourceMap));
  throw new TuttiError(first.code, {
    ...errors[0]!.details,
    problems: errors.map(({ code, message, details }) => ({ code, message, at: details['at'] })),
    problemCount: problems.length,
  });
}

function toError(
  plan: Pick<Plan, 'name'>,
  { code, path, details }: PlanProblem,
  sourceMap: SourceMap | undefined,
): TuttiError {
  const position = sourceMap?.(path);
  const at = position ? `${position.file}:${position.line}:${position.column}` : `plan "${plan.name}"`;
  return new TuttiError(code, { ...details, at, ...(position ? { position } : {}) });
}
