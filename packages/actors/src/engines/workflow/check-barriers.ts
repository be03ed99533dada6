import { didYouMean } from './did-you-mean.ts';
import type { Plan, PlanBarrier } from './plan.ts';
import type { PlanProblem } from './plan-problem.ts';

/** What is wrong with barriers one by one: who meets there, and after and before what. */
export function barrierProblems(plan: Plan, detectors: readonly string[] | undefined): PlanProblem[] {
  const problems: PlanProblem[] = [];
  if (plan.barriers.length === 0) return problems;
  const orchestratorOf = new Map(plan.tasks.map((task) => [task.id, task.orchestrator]));
  const orchestrators = new Set(plan.orchestrators.map(({ id }) => id));
  const known = new Set<string>();
  for (const barrier of plan.barriers) {
    const path = ['barriers', barrier.id];
    const details = { barrier: barrier.id };
    if (known.has(barrier.id)) problems.push({ code: 'TUTTI_PLAN_BARRIER_DUPLICATE', path, details });
    known.add(barrier.id);
    if (barrier.participants.length === 0)
      problems.push({ code: 'TUTTI_PLAN_BARRIER_EMPTY', path: [...path, 'participants'], details });
    problems.push(
      ...strangeTasks(barrier, 'after', orchestratorOf),
      ...strangeTasks(barrier, 'before', orchestratorOf),
    );
    problems.push(...participantProblems(barrier, orchestrators, orchestratorOf));
    if (barrier.check !== undefined && detectors && !detectors.includes(barrier.check))
      problems.push(strangeCheck(barrier, barrier.check, detectors));
  }
  return problems;
}

function strangeTasks(
  barrier: PlanBarrier,
  side: 'after' | 'before',
  orchestratorOf: ReadonlyMap<string, string>,
): PlanProblem[] {
  return barrier[side].flatMap((task, at) => {
    if (orchestratorOf.has(task)) return [];
    const details = { barrier: barrier.id, task, side, hint: didYouMean(task, orchestratorOf.keys()) };
    return [
      { code: 'TUTTI_PLAN_BARRIER_TASK_UNKNOWN' as const, path: ['barriers', barrier.id, side, at], details },
    ];
  });
}

function participantProblems(
  barrier: PlanBarrier,
  orchestrators: ReadonlySet<string>,
  orchestratorOf: ReadonlyMap<string, string>,
): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const busy = new Set(barrier.after.map((task) => orchestratorOf.get(task)));
  barrier.participants.forEach((participant, at) => {
    const path = ['barriers', barrier.id, 'participants', at];
    if (!orchestrators.has(participant)) {
      const hint = didYouMean(participant, orchestrators);
      const details = { owner: barrier.id, orchestrator: participant, hint };
      problems.push({ code: 'TUTTI_PLAN_ORCHESTRATOR_UNKNOWN', path, details });
    } else if (!busy.has(participant)) {
      const details = { barrier: barrier.id, participant };
      problems.push({ code: 'TUTTI_PLAN_BARRIER_PARTICIPANT_IDLE', path, details });
    }
  });
  const invited = new Set(barrier.participants);
  if (invited.size === 0) return problems;
  barrier.after.forEach((task, at) => {
    const orchestrator = orchestratorOf.get(task);
    if (orchestrator === undefined || invited.has(orchestrator)) return;
    const path = ['barriers', barrier.id, 'after', at];
    const details = { barrier: barrier.id, task, orchestrator };
    problems.push({ code: 'TUTTI_PLAN_BARRIER_PARTICIPANT_MISSING', path, details });
  });
  return problems;
}

function strangeCheck(barrier: PlanBarrier, check: string, detectors: readonly string[]): PlanProblem {
  const details = {
    barrier: barrier.id,
    check,
    known: detectors.join(', '),
    hint: didYouMean(check, detectors),
  };
  return { code: 'TUTTI_PLAN_BARRIER_CHECK_UNKNOWN', path: ['barriers', barrier.id, 'check'], details };
}
