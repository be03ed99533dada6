import type { Measurement, Sizes } from '../../harness/case.ts';
import { mustBeWhole, mustHaveTaken, runPlan } from '../tasks/drive.ts';
import { widePlan } from '../tasks/plans.ts';
import { volatileNode } from '../tasks/volatile.ts';

/** Ten tasks of half a second, one at a time and five at a time. */
export async function tenTasks({ tasks, taskMs, concurrency }: Sizes): Promise<Measurement> {
  const { orchestration } = await volatileNode();
  const work = { type: 'simulated', durationMs: taskMs! } as const;
  const together = await runPlan(orchestration, widePlan(tasks!, concurrency!, work));
  const single = await runPlan(orchestration, widePlan(tasks!, 1, work));
  const done = mustBeWhole(together) + mustBeWhole(single);
  mustHaveTaken(together, tasks! * taskMs!, concurrency!);
  mustHaveTaken(single, tasks! * taskMs!, 1);
  return {
    figures: {
      makespan: together.wallMs,
      sequential: single.wallMs,
      gain: single.wallMs / together.wallMs,
      overhead: together.wallMs - Math.ceil(tasks! / concurrency!) * taskMs!,
    },
    verified: `${done} tasks done, each once`,
  };
}
