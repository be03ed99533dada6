import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PlanWork, Worker, WorkFunction } from '@tutti/actors';
import { messageOf, TuttiError } from '@tutti/kernel';

/** A worker that can also be asked to load what it will need. */
export interface ModuleWorker extends Worker {
  /** Loads the module and looks for the function; gives what is wrong, if anything is. */
  prepare(work: PlanWork): Promise<Error | undefined>;
}

/**
 * Runs functions that modules export: JavaScript, or TypeScript that Node can strip. Node loads a module once per
 * process; one that failed to load is tried again the next time, under the same address, which Node answers from its
 * cache unless the file was missing.
 */
export function moduleWorker(): ModuleWorker {
  return {
    type: 'function',
    check: (work) =>
      work.type === 'function' && work.module !== undefined
        ? checkPath(work.module)
        : cannot(work, undefined, 'it names no module'),
    async prepare(work) {
      try {
        await load(work);
        return undefined;
      } catch (thrown) {
        return thrown instanceof Error ? thrown : new Error(messageOf(thrown));
      }
    },
    async run(work, input) {
      const action = await load(work, input.task);
      return await action(input);
    },
  };
}

function checkPath(file: string): TuttiError | undefined {
  return isAbsolute(file)
    ? undefined
    : new TuttiError('TUTTI_WORKER_MODULE_FAILED', { file, problem: 'its path is not absolute' });
}

/** @throws TuttiError `TUTTI_WORKER_MODULE_FAILED` when it does not load, `TUTTI_WORKER_UNKNOWN` when it lacks the function */
async function load(work: PlanWork, task?: string): Promise<WorkFunction> {
  if (work.type !== 'function' || work.module === undefined) throw cannot(work, task, 'it names no module');
  const wrongPath = checkPath(work.module);
  if (wrongPath) throw wrongPath;
  const exported = await importModule(work.module);
  const found = Object.hasOwn(exported, work.name) ? exported[work.name] : undefined;
  if (isFunction(found)) return found;
  const known = Object.keys(exported).filter((name) => isFunction(exported[name]));
  const names = known.slice(0, 20).join(', ') || 'none';
  throw cannot(work, task, `${work.module} exports no function "${work.name}" (it exports: ${names})`);
}

/** @param task Undefined before there is an attempt; whoever checks a plan knows the task and names it. */
function cannot(work: PlanWork, task: string | undefined, problem: string): TuttiError {
  return new TuttiError('TUTTI_WORKER_UNKNOWN', { task: task ?? 'not named', type: work.type, problem });
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (thrown) {
    throw new TuttiError(
      'TUTTI_WORKER_MODULE_FAILED',
      { file, problem: messageOf(thrown) },
      { cause: thrown },
    );
  }
}

function isFunction(value: unknown): value is WorkFunction {
  return typeof value === 'function';
}
