import { appendFileSync, readFileSync } from 'node:fs';
import type { FunctionTable, WorkInput } from '@tutti/actors';

/**
 * The functions of the plans, which tell by themselves that they were called: a board that forgets a task, or settles
 * it without anybody having done it, is not the one to ask whether every task was done.
 */
export class WorkWitness {
  #calls = 0;
  readonly #file: string | undefined;

  /** @param file Where `timed` writes down what it was called for; it outlives a process that is killed. */
  constructor(file?: string) {
    this.#file = file;
  }

  /** Of `noop`, so far. */
  get calls(): number {
    return this.#calls;
  }

  readonly functions: FunctionTable = {
    noop: () => {
      this.#calls++;
      return null;
    },
    /** Takes `ms` of `with`. */
    timed: async (input) => {
      await pause(input);
      appendFileSync(this.#file!, `${lineOf(input.session, input.task)}\n`);
      return null;
    },
  };
}

const lineOf = (session: string, task: string) => `${session} ${task}`;

/** Of these tasks, how many nobody wrote down. */
export function unwitnessed(file: string, session: string, tasks: readonly string[]): number {
  const lines = new Set(readFileSync(file, 'utf8').split('\n'));
  return tasks.filter((task) => !lines.has(lineOf(session, task))).length;
}

function pause({ with: { ms }, signal }: WorkInput): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, Number(ms));
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

/**
 * What an action says was done, if as many calls bear it out.
 * @throws Error if there were fewer
 */
export async function borneOut<Outcome extends { readonly done: number }>(
  calls: () => number | Promise<number>,
  action: () => Promise<Outcome>,
): Promise<Outcome> {
  const before = await calls();
  const outcome = await action();
  mustBearOut((await calls()) - before, outcome.done);
  return outcome;
}

/** @throws Error if there were fewer calls than tasks that are said to be done */
export function mustBearOut(called: number, done: number): void {
  if (called < done)
    throw new Error(`${done} tasks are said to be done, their function was called ${called} times`);
}
