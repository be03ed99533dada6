import { circleProblems } from './check-circles.ts';
import { PLAN_LIMITS, refuse } from './check-plan.ts';
import { taskProblems } from './check-tasks.ts';
import { levelsOf, neighbours } from './graph.ts';
import type { Plan, PlanTask } from './plan.ts';
import { planGraph } from './plan-graph.ts';
import { NO_TASK, type TaskNames, taskNames } from './task-names.ts';

/** The plan that tasks are added to, as far as their check has to know it. */
export interface AddedTo {
  readonly name: string;
  readonly orchestrators: Plan['orchestrators'];
  /** The level of a task that is there, whatever has become of it; undefined if there is none of that id. */
  readonly levelOf: (id: string) => number | undefined;
}

/**
 * Checks tasks that are added to a plan, all of them together: they may need one another and whatever is there, but
 * nothing that is there can need them, so that a circle can only be among themselves. Answers the level of each.
 * @throws TuttiError `TUTTI_PLAN_*`, as `checkPlan` does
 */
export function checkAddition(
  { name, orchestrators, levelOf }: AddedTo,
  tasks: readonly PlanTask[],
): Int32Array {
  const plan: Plan = { name, orchestrators, tasks, barriers: [] };
  refuse(plan, sizeProblems(tasks));
  const names = taskNames(tasks);
  const problems = taskProblems(plan, names, (id) => levelOf(id) !== undefined);
  refuse(plan, problems);
  const levels = levelsBehind(tasks, names, levelOf);
  if (names.needs.some((place) => place !== NO_TASK)) levelAmongThemselves(plan, names, levels);
  return levels;
}

/** Behind what was there before. */
function levelsBehind(tasks: readonly PlanTask[], names: TaskNames, levelOf: AddedTo['levelOf']): Int32Array {
  const levels = new Int32Array(tasks.length);
  let at = 0;
  for (let task = 0; task < tasks.length; task++)
    for (const need of tasks[task]!.needs)
      if (names.needs[at++] === NO_TASK) levels[task] = Math.max(levels[task]!, levelOf(need)! + 1);
  return levels;
}

/** And behind one another. @throws TuttiError `TUTTI_PLAN_CYCLE` */
function levelAmongThemselves(plan: Plan, names: TaskNames, levels: Int32Array): void {
  const planned = planGraph(plan, names);
  const { order, cyclic } = levelsOf(planned.graph);
  if (cyclic) refuse(plan, circleProblems(plan, planned));
  for (const task of order)
    for (const need of neighbours(planned.graph.needs, task))
      levels[task] = Math.max(levels[task]!, levels[need]! + 1);
}

function sizeProblems(tasks: readonly PlanTask[]) {
  if (tasks.length === 0) {
    const details = { plan: 'of the tasks to add' };
    return [{ code: 'TUTTI_PLAN_EMPTY' as const, path: ['tasks'], details }];
  }
  let needs = 0;
  for (const task of tasks) needs += task.needs.length;
  if (needs <= PLAN_LIMITS.needs) return [];
  const details = { what: 'needs', size: needs, limit: PLAN_LIMITS.needs };
  return [{ code: 'TUTTI_PLAN_TOO_LARGE' as const, path: ['needs'], details }];
}
