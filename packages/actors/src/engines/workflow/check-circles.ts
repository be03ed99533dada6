import { findCycles } from './graph.ts';
import type { Plan } from './plan.ts';
import { nodeName, type PlanGraph } from './plan-graph.ts';
import type { PlanProblem } from './plan-problem.ts';

/** Each cycle costs another pass over the graph, so only the first few are told. */
const CYCLES_MAX = 16;

/**
 * Circles in what needs what, each with its path: `A -> B -> C -> A` reads "A needs B needs C needs A". One that
 * runs through a barrier is told as a barrier that can never fill: that is where it has to be broken.
 */
export function circleProblems(plan: Plan, { graph, taskCount }: PlanGraph): PlanProblem[] {
  return findCycles(graph, CYCLES_MAX).map((cycle) => {
    const barrierAt = cycle.findIndex((node) => node >= taskCount);
    const first = Math.max(0, barrierAt);
    const nodes = [...cycle.slice(first), ...cycle.slice(0, first), cycle[first]!];
    const path = nodes.map((node) => nodeName(plan, node)).join(' -> ');
    const barrier = barrierAt === -1 ? undefined : plan.barriers[nodes[0]! - taskCount]!.id;
    if (barrier !== undefined)
      return {
        code: 'TUTTI_PLAN_BARRIER_NEVER_FILLS',
        path: ['barriers', barrier],
        details: { barrier, path },
      };
    const task = plan.tasks[nodes[0]!]!;
    const needAt = task.needs.indexOf(plan.tasks[nodes[1]!]!.id);
    const details = { path, tasks: nodes.slice(0, -1).map((node) => plan.tasks[node]!.id) };
    return { code: 'TUTTI_PLAN_CYCLE', path: ['tasks', task.id, 'needs', needAt], details };
  });
}
