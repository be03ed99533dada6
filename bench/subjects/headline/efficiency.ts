import type { PlanTask } from '@tutti/actors';
import { seededRandom } from '@tutti/kernel';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { mustBeWhole, mustHaveTaken, runPlan } from '../tasks/drive.ts';
import { benchPlan, benchTask } from '../tasks/plans.ts';
import { volatileNode } from '../tasks/volatile.ts';

const WORKERS = 4;

/** Three families of graphs, each run in waves and eagerly: useful work over makespan times workers. */
export async function efficiency({ size, meanMs, seed }: Sizes): Promise<Measurement> {
  const { orchestration } = await volatileNode();
  const random = seededRandom(seed!);
  const work = () => ({ type: 'simulated', durationMs: Math.max(1, random.exponential(meanMs!)) }) as const;
  const families: Record<string, PlanTask[]> = {
    chains: Array.from({ length: size! }, (_, i) =>
      benchTask(`t${i}`, i < WORKERS ? [] : [`t${i - WORKERS}`], work()),
    ),
    layers: Array.from({ length: size! }, (_, i) => benchTask(`t${i}`, layerBefore(i), work())),
    random: Array.from({ length: size! }, (_, i) =>
      benchTask(`t${i}`, i === 0 ? [] : [`t${random.integer(0, i - 1)}`], work()),
    ),
  };
  const figures: Record<string, number> = {};
  let done = 0;
  for (const [family, tasks] of Object.entries(families)) {
    const useful = tasks.reduce((sum, { estimateMs }) => sum + estimateMs, 0);
    for (const mode of ['wave', 'eager'] as const) {
      const outcome = await runPlan(orchestration, benchPlan(tasks, WORKERS), mode);
      done += mustBeWhole(outcome);
      mustHaveTaken(outcome, useful, WORKERS);
      figures[`${family}-${mode}`] = useful / (outcome.wallMs * WORKERS);
    }
    figures[`${family}-gain`] = figures[`${family}-eager`]! / figures[`${family}-wave`]!;
  }
  return { figures, verified: `${done} tasks done, each once` };
}

/** Layers of eight, each task needing two of the layer before. */
function layerBefore(i: number): string[] {
  const layer = Math.floor(i / 8);
  return layer === 0 ? [] : [0, 3].map((shift) => `t${(layer - 1) * 8 + ((i + shift) % 8)}`);
}
