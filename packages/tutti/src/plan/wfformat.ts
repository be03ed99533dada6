import * as z from 'zod';
import type { PlanSource } from './plan-document.ts';

/** The parts of WfFormat 1.5 (WfCommons) that say what to run: the graph, and how long each task took. */
const wfFormat = z.object({
  name: z.string(),
  workflow: z.object({
    specification: z.object({
      tasks: z.array(
        z.object({ id: z.string(), name: z.string(), parents: z.array(z.string()).default([]) }),
      ),
    }),
    execution: z
      .object({
        tasks: z.array(z.object({ id: z.string(), runtimeInSeconds: z.number().min(0).default(0) })),
      })
      .optional(),
  }),
});

/** Whether a value that was read from a file claims to be a WfFormat trace rather than a plan. */
export function looksLikeWfFormat(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'workflow' in value && 'schemaVersion' in value;
}

/**
 * A recorded workflow as a plan of simulated tasks, each as long as it was.
 * @throws ZodError
 */
export function planFromWfFormat(value: unknown): PlanSource {
  const { name, workflow } = wfFormat.parse(value);
  const seconds = new Map(workflow.execution?.tasks.map((task) => [task.id, task.runtimeInSeconds]));
  const tasks: PlanSource['tasks'] = {};
  for (const task of workflow.specification.tasks) {
    const simulate = Math.round((seconds.get(task.id) ?? 0) * 1000);
    tasks[task.id] = { title: task.name, needs: task.parents, simulate };
  }
  return { name, tasks };
}
