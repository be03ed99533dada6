import { TuttiError } from '@tutti/kernel';
import type { PlanWork } from '../engines/workflow/plan.ts';
import type { Worker, WorkInput } from './worker.ts';

/** One piece of work: gets the attempt's input, gives the result or a promise of it. */
export type WorkFunction = (input: WorkInput) => unknown;

/** Functions by the names that plans call them. */
export type FunctionTable = Readonly<Record<string, WorkFunction>>;

/** Runs functions by name from a table. Work that names a module is left to a worker that can load modules. */
export function functionWorker(functions: FunctionTable): Worker {
  const find = (work: PlanWork): WorkFunction | undefined => {
    if (work.type !== 'function' || work.module !== undefined) return undefined;
    return Object.hasOwn(functions, work.name) ? functions[work.name] : undefined;
  };
  return {
    type: 'function',
    check: (work) => (find(work) ? undefined : unknownFunction(work, Object.keys(functions))),
    run(work, input) {
      const action = find(work);
      if (!action) return Promise.reject(unknownFunction(work, Object.keys(functions), input.task));
      try {
        return Promise.resolve(action(input));
      } catch (thrown) {
        return Promise.reject(thrown);
      }
    },
  };
}

/** @param task Left out by `check`, whose caller knows the task and names it. */
function unknownFunction(work: PlanWork, known: readonly string[], task = 'not named'): TuttiError {
  const name = work.type === 'function' ? work.name : work.type;
  const shown = known.slice(0, 20).join(', ') || 'none';
  return new TuttiError('TUTTI_WORKER_UNKNOWN', {
    task,
    type: work.type,
    problem: `there is no function "${name}" (known: ${shown})`,
  });
}
