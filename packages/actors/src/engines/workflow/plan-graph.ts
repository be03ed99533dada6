import { buildGraph, type Graph } from './graph.ts';
import type { Plan } from './plan.ts';
import { NO_TASK, type TaskNames, taskNames } from './task-names.ts';

/**
 * A plan as a graph. Tasks come first, in the plan's order; then the barriers, each a node of its own between its
 * `after` and its `before`, so that a meeting of n and m tasks costs n + m edges and not n times m.
 */
export interface PlanGraph {
  readonly graph: Graph;
  readonly taskCount: number;
}

/** Names that mean nothing in the plan are left out here: `checkPlan` has reported them. */
export function planGraph(plan: Plan, names: TaskNames = taskNames(plan.tasks)): PlanGraph {
  const { tasks, barriers } = plan;
  let most = names.needs.length;
  for (const { after, before } of barriers) most += after.length + before.length;
  const nodes = new Int32Array(most);
  const needs = new Int32Array(most);
  let size = 0;
  const edge = (node: number, need: number) => {
    if (node === NO_TASK || need === NO_TASK || node === need) return;
    nodes[size] = node;
    needs[size++] = need;
  };
  for (let task = 0, at = 0; task < tasks.length; task++)
    for (const end = at + tasks[task]!.needs.length; at < end; at++) edge(task, names.needs[at]!);
  barriers.forEach((barrier, at) => {
    const node = tasks.length + at;
    for (const task of barrier.after) edge(node, names.places.get(task) ?? NO_TASK);
    for (const task of barrier.before) edge(names.places.get(task) ?? NO_TASK, node);
  });
  const edges = { nodes: nodes.subarray(0, size), needs: needs.subarray(0, size) };
  return { graph: buildGraph(tasks.length + barriers.length, edges), taskCount: tasks.length };
}

/** Tasks weigh one level, barriers none: they let through in the moment they are released. */
export function levelWeights({ graph, taskCount }: PlanGraph): Uint8Array {
  return new Uint8Array(graph.size).fill(1, 0, taskCount);
}

/** How a node of the graph is called in messages: the task's id, or `barrier:ID`. */
export function nodeName(plan: Plan, node: number): string {
  const task = plan.tasks[node];
  return task ? task.id : `barrier:${plan.barriers[node - plan.tasks.length]!.id}`;
}
