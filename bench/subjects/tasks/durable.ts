import type { Measurement, Sizes } from '../../harness/case.ts';
import { mustBeWhole, offeredOf } from './drive.ts';
import { chainPlan, widePlan } from './plans.ts';
import { withTaskCluster } from './task-cluster.ts';
import { curveOf } from './volatile.ts';

const CONCURRENCY = 256;
/** Tasks per second at which the target asks for the latency. */
const ASKED = 10_000;

export function durableTasks({ warmUpTasks, tasks, streamMs }: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    await cluster.run(widePlan(warmUpTasks!, CONCURRENCY));
    const outcome = await cluster.run(widePlan(tasks!, CONCURRENCY));
    const done = mustBeWhole(outcome);
    const rate = (done * 1_000) / outcome.wallMs;
    const added = (await cluster.added(streamMs!)).perS;
    const { offered, histogram } = offeredOf(ASKED, Math.min(rate, added));
    const stream = await cluster.stream(offered, streamMs!);
    // Last: what an ablation leaves on the heaps is no part of the others.
    const sessions = await cluster.sessions(streamMs!);
    return {
      figures: { rate, added, sessions, offered },
      histograms: { [histogram]: stream.latencies },
      verified: `${done} tasks done, each once; ${stream.done} more added one by one; as many calls`,
    };
  });
}

export function durableCurve({ warmUpTasks, tasks, streamMs }: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    await cluster.run(widePlan(warmUpTasks!, CONCURRENCY));
    const outcome = await cluster.run(widePlan(tasks!, CONCURRENCY));
    const rate = (mustBeWhole(outcome) * 1_000) / outcome.wallMs;
    const most = Math.min(rate, (await cluster.added(streamMs!)).perS);
    return await curveOf(rate, most, streamMs!, (offered, durationMs) => cluster.stream(offered, durationMs));
  });
}

/** Tasks that take no time, one after the other: all of the time is control. */
export function sequence({ tasks, warmUpTasks }: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    await cluster.run(chainPlan(warmUpTasks!));
    const outcome = await cluster.run(chainPlan(tasks!));
    const done = mustBeWhole(outcome);
    return {
      figures: { overhead: outcome.wallMs, step: outcome.wallMs / done },
      verified: `${done} tasks done in their order, each once`,
    };
  });
}
