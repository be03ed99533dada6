import { circleProblems } from './check-circles.ts';
import { PLAN_LIMITS, refuse } from './check-plan.ts';
import { taskProblems } from './check-tasks.ts';
import { levelsOf, neighbours } from './graph.ts';
import type { Plan, PlanTask } from './plan.ts';
import { levelWeights, planGraph } from './plan-graph.ts';
import { NO_TASK, taskNames } from './task-names.ts';

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
  const { graph } = planGraph(plan, names);
  const { order, cyclic } = levelsOf(graph, levelWeights({ graph, taskCount: tasks.length }));
  if (cyclic) refuse(plan, circleProblems(plan, { graph, taskCount: tasks.length }));
  return levelsBehind(tasks, names.needs, order, levelOf, (task) => neighbours(graph.needs, task));
}

function levelsBehind(
  tasks: readonly PlanTask[],
  places: Int32Array,
  order: Int32Array,
  levelOf: AddedTo['levelOf'],
  needsOf: (task: number) => Int32Array,
): Int32Array {
  const levels = new Int32Array(tasks.length);
  let at = 0;
  for (const [task, { needs }] of tasks.entries())
    for (const need of needs)
      if (places[at++] === NO_TASK) levels[task] = Math.max(levels[task]!, levelOf(need)! + 1);
  for (const task of order)
    for (const need of needsOf(task)) levels[task] = Math.max(levels[task]!, levels[need]! + 1);
  return levels;
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
