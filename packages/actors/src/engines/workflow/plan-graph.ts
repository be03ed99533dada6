import { buildGraph, type Graph } from './graph.ts';
import type { Plan } from './plan.ts';

/**
 * A plan as a graph. Tasks come first, in the plan's order; then the barriers, each a node of its own between its
 * `after` and its `before`, so that a meeting of n and m tasks costs n + m edges and not n times m.
 */
export interface PlanGraph {
  readonly graph: Graph;
  readonly taskCount: number;
}

/** Names that mean nothing in the plan are left out here: `checkPlan` has reported them. */
export function planGraph(plan: Plan): PlanGraph {
  const taskIndex = new Map<string, number>();
  plan.tasks.forEach((task, index) => {
    if (!taskIndex.has(task.id)) taskIndex.set(task.id, index);
  });
  const nodes: number[] = [];
  const needs: number[] = [];
  const edge = (node: number | undefined, need: number | undefined) => {
    if (node === undefined || need === undefined || node === need) return;
    nodes.push(node);
    needs.push(need);
  };
  plan.tasks.forEach((task, index) => {
    for (const need of task.needs) edge(index, taskIndex.get(need));
  });
  plan.barriers.forEach((barrier, at) => {
    const node = plan.tasks.length + at;
    for (const task of barrier.after) edge(node, taskIndex.get(task));
    for (const task of barrier.before) edge(taskIndex.get(task), node);
  });
  const graph = buildGraph(plan.tasks.length + plan.barriers.length, { nodes, needs });
  return { graph, taskCount: plan.tasks.length };
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
