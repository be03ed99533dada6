import { didYouMean } from './did-you-mean.ts';
import type { Plan, PlanTask } from './plan.ts';
import type { PlanProblem } from './plan-problem.ts';

/** Looking for the nearest name costs a pass over all of them, so only the first few misspelt names get it. */
const HINTS_MAX = 10;

/** What is wrong with orchestrators and tasks one by one: names, needs and numbers. Circles are found elsewhere. */
export function taskProblems(plan: Plan): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const orchestrators = orchestratorProblems(plan, problems);
  const known = new Set<string>();
  for (const task of plan.tasks) {
    if (known.has(task.id))
      problems.push({
        code: 'TUTTI_PLAN_TASK_DUPLICATE',
        path: ['tasks', task.id],
        details: { task: task.id },
      });
    known.add(task.id);
  }
  for (const task of plan.tasks) {
    if (!orchestrators.has(task.orchestrator)) problems.push(strangeOrchestrator(task, orchestrators));
    numberProblems(task, problems);
    needProblems(task, known, problems);
  }
  return problems;
}

function orchestratorProblems(plan: Plan, problems: PlanProblem[]): ReadonlySet<string> {
  const known = new Set<string>();
  for (const { id, maxConcurrentTasks } of plan.orchestrators) {
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

function needProblems(task: PlanTask, known: ReadonlySet<string>, problems: PlanProblem[]): void {
  const seen = new Set<string>();
  task.needs.forEach((need, at) => {
    const path = ['tasks', task.id, 'needs', at];
    const details = { task: task.id, need };
    if (need === task.id) problems.push({ code: 'TUTTI_PLAN_SELF_NEED', path, details });
    else if (seen.has(need)) problems.push({ code: 'TUTTI_PLAN_NEED_DUPLICATE', path, details });
    else if (!known.has(need)) {
      const hint = problems.length < HINTS_MAX ? didYouMean(need, known) : '';
      problems.push({ code: 'TUTTI_PLAN_NEED_MISSING', path, details: { ...details, hint } });
    }
    seen.add(need);
  });
}

function numberProblems(task: PlanTask, problems: PlanProblem[]): void {
  const path = ['tasks', task.id];
  if (!isCount(task.retry.attemptsMax, 1))
    problems.push(
      badValue(
        task.id,
        [...path, 'retry', 'attemptsMax'],
        task.retry.attemptsMax,
        'a whole number from 1 up',
      ),
    );
  if (!(task.timeoutMs > 0 && Number.isFinite(task.timeoutMs)))
    problems.push(badValue(task.id, [...path, 'timeoutMs'], task.timeoutMs, 'milliseconds above 0'));
  if (!(task.estimateMs >= 0 && Number.isFinite(task.estimateMs)))
    problems.push(badValue(task.id, [...path, 'estimateMs'], task.estimateMs, 'milliseconds from 0 up'));
}

function badValue(owner: string, path: string[], value: unknown, expected: string): PlanProblem {
  const details = { owner, field: path[path.length - 1], value: String(value), expected };
  return { code: 'TUTTI_PLAN_VALUE_INVALID', path, details };
}

function isCount(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}
