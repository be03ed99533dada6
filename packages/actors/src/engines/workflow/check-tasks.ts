import type { ErrorCode } from '@tutti/kernel';
import { didYouMean } from './did-you-mean.ts';
import type { Plan, PlanTask } from './plan.ts';
import type { PlanProblem } from './plan-problem.ts';
import { NO_TASK, type TaskNames, taskNames } from './task-names.ts';

/** Looking for the nearest name costs a pass over all of them, so only the first few misspelt names get it. */
const HINTS_MAX = 10;

/** Whether a name that the plan does not know is known all the same: of a task that was there before it. */
export type KnownBefore = (id: string) => boolean;

const NOBODY: KnownBefore = () => false;

/** What is wrong with orchestrators and tasks one by one: names, needs and numbers. Circles are found elsewhere. */
export function taskProblems(
  { orchestrators: named, tasks }: Pick<Plan, 'orchestrators' | 'tasks'>,
  names: TaskNames = taskNames(tasks),
  isKnownBefore: KnownBefore = NOBODY,
): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const orchestrators = orchestratorProblems(named, problems);
  const isThere = isKnownBefore !== NOBODY || names.places.size < tasks.length;
  if (isThere) for (const [place, task] of tasks.entries()) duplicateProblem(task, place);
  const needs = new NeedCheck(tasks.length, names, isKnownBefore, problems);
  for (const task of tasks) {
    if (!orchestrators.has(task.orchestrator)) problems.push(strangeOrchestrator(task, orchestrators));
    numberProblems(task, problems);
    needs.check(task);
  }
  return problems;

  function duplicateProblem({ id }: PlanTask, place: number): void {
    if (names.places.get(id) === place && !isKnownBefore(id)) return;
    problems.push({ code: 'TUTTI_PLAN_TASK_DUPLICATE', path: ['tasks', id], details: { task: id } });
  }
}

function orchestratorProblems(named: Plan['orchestrators'], problems: PlanProblem[]): ReadonlySet<string> {
  const known = new Set<string>();
  for (const { id, maxConcurrentTasks } of named) {
    const path = ['orchestrators', id];
    if (known.has(id))
      problems.push({ code: 'TUTTI_PLAN_ORCHESTRATOR_DUPLICATE', path, details: { orchestrator: id } });
    known.add(id);
    if (!isCount(maxConcurrentTasks, 1))
      problems.push(
        badValue(id, [...path, 'maxConcurrentTasks'], maxConcurrentTasks, 'a whole number from 1 up'),
      );
  }
  return known;
}

function strangeOrchestrator(task: PlanTask, known: ReadonlySet<string>): PlanProblem {
  return {
    code: 'TUTTI_PLAN_ORCHESTRATOR_UNKNOWN',
    path: ['tasks', task.id, 'orchestrator'],
    details: { owner: task.id, orchestrator: task.orchestrator, hint: didYouMean(task.orchestrator, known) },
  };
}

/** Takes the tasks in their order. Nothing is made for a need that is as it should be: there may be millions. */
class NeedCheck {
  readonly #names: TaskNames;
  readonly #isKnownBefore: KnownBefore;
  readonly #problems: PlanProblem[];
  /** Of each task the number, from 1, of the one that named it last. */
  readonly #namedBy: Int32Array | undefined;
  #number = 0;
  #at = 0;

  constructor(tasks: number, names: TaskNames, isKnownBefore: KnownBefore, problems: PlanProblem[]) {
    this.#names = names;
    this.#isKnownBefore = isKnownBefore;
    this.#problems = problems;
    this.#namedBy = names.needs.length === 0 ? undefined : new Int32Array(tasks);
  }

  check(task: PlanTask): void {
    this.#number++;
    for (let at = 0; at < task.needs.length; at++) {
      const place = this.#names.needs[this.#at++]!;
      const code = this.#problemOf(task, at, place);
      if (code) this.#note(code, task, at);
    }
  }

  #problemOf(task: PlanTask, at: number, place: number): ErrorCode | undefined {
    const need = task.needs[at]!;
    if (need === task.id) return 'TUTTI_PLAN_SELF_NEED';
    if (place === NO_TASK) {
      if (task.needs.indexOf(need) < at) return 'TUTTI_PLAN_NEED_DUPLICATE';
      return this.#isKnownBefore(need) ? undefined : 'TUTTI_PLAN_NEED_MISSING';
    }
    const namedBy = this.#namedBy!;
    if (namedBy[place] === this.#number) return 'TUTTI_PLAN_NEED_DUPLICATE';
    namedBy[place] = this.#number;
    return undefined;
  }

  #note(code: ErrorCode, { id: task, needs }: PlanTask, at: number): void {
    const need = needs[at]!;
    const isHinted = code === 'TUTTI_PLAN_NEED_MISSING';
    const hint =
      this.#problems.length < HINTS_MAX && isHinted ? didYouMean(need, this.#names.places.keys()) : '';
    const details = { task, need, ...(isHinted ? { hint } : {}) };
    this.#problems.push({ code, path: ['tasks', task, 'needs', at], details });
  }
}

function numberProblems(task: PlanTask, problems: PlanProblem[]): void {
  const { id, retry, timeoutMs, estimateMs } = task;
  const bad = (field: string[], value: unknown, expected: string) =>
    problems.push(badValue(id, ['tasks', id, ...field], value, expected));
  if (!isCount(retry.attemptsMax, 1))
    bad(['retry', 'attemptsMax'], retry.attemptsMax, 'a whole number from 1 up');
  if (!(timeoutMs > 0 && Number.isFinite(timeoutMs))) bad(['timeoutMs'], timeoutMs, 'milliseconds above 0');
  if (!(estimateMs >= 0 && Number.isFinite(estimateMs)))
    bad(['estimateMs'], estimateMs, 'milliseconds from 0 up');
}

function badValue(owner: string, path: string[], value: unknown, expected: string): PlanProblem {
  const details = { owner, field: path[path.length - 1], value: String(value), expected };
  return { code: 'TUTTI_PLAN_VALUE_INVALID', path, details };
}

function isCount(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}
