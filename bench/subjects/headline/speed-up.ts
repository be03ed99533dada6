import { seededRandom } from '@tutti/kernel';
import type { Measurement, Point, Sizes } from '../../harness/case.ts';
import { mustBeWhole, mustHaveTaken, runPlan } from '../tasks/drive.ts';
import { benchPlan, benchTask } from '../tasks/plans.ts';
import { volatileNode } from '../tasks/volatile.ts';

const WORKERS = [1, 2, 4, 8];

/** Tasks of 0.5 to 3.1 s (or a part of that), drawn from a seed, on one worker and on more. */
export async function speedUp({ tasks, percent, seed }: Sizes): Promise<Measurement> {
  const random = seededRandom(seed!);
  const durations = Array.from({ length: tasks! }, () => (random.integer(500, 3_100) * percent!) / 100);
  const all = durations.map((durationMs, i) => benchTask(`t${i}`, [], { type: 'simulated', durationMs }));
  const { orchestration } = await volatileNode();
  const curve: Point[] = [];
  const figures: Record<string, number> = {};
  const work = durations.reduce((sum, ms) => sum + ms, 0);
  let done = 0;
  for (const workers of WORKERS) {
    const outcome = await runPlan(orchestration, benchPlan(all, workers));
    done += mustBeWhole(outcome);
    mustHaveTaken(outcome, work, workers);
    const gain = work / outcome.wallMs;
    figures[`gain-${workers}`] = gain;
    figures[`efficiency-${workers}`] = gain / workers;
    curve.push({ x: workers, y: gain });
  }
  return { figures, curves: { gain: curve }, verified: `${done} tasks done, each once` };
}
