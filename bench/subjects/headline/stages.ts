import { checkPlan, type ExecutionMode, type Plan } from '@tutti/actors';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { mustBeWhole, runPlan } from '../tasks/drive.ts';
import { benchPlan, benchTask, chainPlan } from '../tasks/plans.ts';
import { volatileNode } from '../tasks/volatile.ts';
import { borneOut, WorkWitness } from '../tasks/work-witness.ts';

const WAVE = 5;
const PLAN_TASKS = 100;
const REPEATS = 50;

/** Control alone: checking a plan, moving from one task to the next, and from one wave to the next. */
export async function stages({ tasks, waves }: Sizes): Promise<Measurement> {
  const plan = chainPlan(PLAN_TASKS);
  checkPlan(plan);
  const start = performance.now();
  for (let i = 0; i < REPEATS; i++) checkPlan(plan);
  const analysis = (performance.now() - start) / REPEATS;
  const witness = new WorkWitness();
  const { orchestration } = await volatileNode(witness);
  const run = (plan: Plan, mode?: ExecutionMode) =>
    borneOut(
      () => witness.calls,
      () => runPlan(orchestration, plan, mode),
    );
  await run(chainPlan(20));
  const chain = await run(chainPlan(tasks!));
  const inWaves = await run(wavePlan(waves!), 'wave');
  const done = mustBeWhole(chain) + mustBeWhole(inWaves);
  return {
    figures: { analysis, task: chain.wallMs / tasks!, wave: inWaves.wallMs / waves! },
    verified: `${done} tasks done, each once; as many calls`,
  };
}

/** Each task needs the one in its place in the wave before. */
function wavePlan(waves: number) {
  const tasks = Array.from({ length: waves * WAVE }, (_, i) =>
    benchTask(`t${i}`, i < WAVE ? [] : [`t${i - WAVE}`]),
  );
  return benchPlan(tasks, WAVE);
}
