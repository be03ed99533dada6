import type { PlanTask } from './plan.ts';

/** Of a need that names no task of the plan. */
export const NO_TASK = -1;

const NO_NEEDS = new Int32Array(0);

/** The tasks of a plan by name, and every need as the place of the task that it names: looked up once, for all checks. */
export interface TaskNames {
  /** The first task of each id. */
  readonly places: ReadonlyMap<string, number>;
  /** Task by task, in the order they stand; {@link NO_TASK} for a name that means nothing. */
  readonly needs: Int32Array;
}

export function taskNames(tasks: readonly PlanTask[]): TaskNames {
  const places = new Map<string, number>();
  let count = 0;
  for (let place = 0; place < tasks.length; place++) {
    const { id, needs } = tasks[place]!;
    if (!places.has(id)) places.set(id, place);
    count += needs.length;
  }
  if (count === 0) return { places, needs: NO_NEEDS };
  const needs = new Int32Array(count);
  let at = 0;
  for (const task of tasks) for (const need of task.needs) needs[at++] = places.get(need) ?? NO_TASK;
  return { places, needs };
}
