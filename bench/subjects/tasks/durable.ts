import type { Measurement, Sizes } from '../../harness/case.ts';
import { mustBeWhole } from './drive.ts';
import { chainPlan, widePlan } from './plans.ts';
import { withTaskCluster } from './task-cluster.ts';
import { curveOf } from './volatile.ts';

const CONCURRENCY = 256;

export function durableTasks({ warmUpTasks, tasks, streamMs }: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    await cluster.run(widePlan(warmUpTasks!, CONCURRENCY));
    const outcome = await cluster.run(widePlan(tasks!, CONCURRENCY));
    const done = mustBeWhole(outcome);
    const rate = (done * 1_000) / outcome.wallMs;
    const sessions = await cluster.sessions(streamMs!);
    const offered = Math.min(rate, sessions) / 2;
    const stream = await cluster.stream(offered, streamMs!);
    return {
      figures: { rate, sessions, offered },
      histograms: { task: stream.latencies },
      verified: `${done} tasks done, each once; ${stream.offered} more one by one`,
    };
  });
}

export function durableCurve({ warmUpTasks, tasks, streamMs }: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    await cluster.run(widePlan(warmUpTasks!, CONCURRENCY));
    const outcome = await cluster.run(widePlan(tasks!, CONCURRENCY));
    const rate = (mustBeWhole(outcome) * 1_000) / outcome.wallMs;
    const most = Math.min(rate, await cluster.sessions(streamMs!));
    return await curveOf(rate, most, (offered) => cluster.stream(offered, streamMs!));
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
