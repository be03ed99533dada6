import type { Measurement, Point, Sizes } from '../../harness/case.ts';
import { Histogram } from '../../harness/histogram.ts';
import { slopeOf } from '../../harness/statistics.ts';
import { mustBeWhole } from './drive.ts';
import { widePlan } from './plans.ts';
import { withTaskCluster } from './task-cluster.ts';

/** Half of the rate that a wide plan reached, for a long time: whether memory or latency grow. */
export function soak({ tasks, perSession, soakMs, windowMs }: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    await cluster.run(widePlan(tasks!, 256));
    const outcome = await cluster.run(widePlan(tasks!, 256));
    const ratePerS = (mustBeWhole(outcome) * 500) / outcome.wallMs;
    const memory: Point[] = [];
    const heap: Point[] = [];
    const latency: Point[] = [];
    let done = 0;
    const start = performance.now();
    while (performance.now() - start < soakMs!) {
      const window = await cluster.stream(ratePerS / perSession!, windowMs!, perSession);
      done += window.done;
      const x = (performance.now() - start) / 60_000;
      const nodes = await Promise.all(
        cluster.nodes.map(({ process }) => process.call<{ rss: number; heap: number }>('memory')),
      );
      memory.push({ x, y: Math.max(...nodes.map(({ rss }) => rss)) });
      heap.push({ x, y: Math.max(...nodes.map(({ heap }) => heap)) });
      latency.push({ x, y: Histogram.merged([window.latencies]).percentile(0.99) });
    }
    // The first quarter is warm-up: caches fill, code is compiled, the heap finds its size.
    const settled = (points: readonly Point[]) => points.slice(Math.ceil(points.length / 4));
    const slope = (points: readonly Point[]) => slopeOf(settled(points).map(({ x, y }) => [x, y] as const));
    return {
      figures: {
        'memory-slope': slope(memory) / 1e6,
        'heap-slope': slope(heap) / 1e6,
        'heap-per-task': slope(heap) / (ratePerS * SECONDS_PER_MINUTE),
        'p99-slope': slope(latency),
        'p99-drift': Math.abs(slope(latency)),
        offered: ratePerS,
      },
      curves: { memory: inMegabytes(memory), heap: inMegabytes(heap), latency },
      verified: `${done} tasks in sessions of ${perSession}, each done once; as many calls`,
    };
  });
}

const SECONDS_PER_MINUTE = 60;
const inMegabytes = (points: readonly Point[]) => points.map(({ x, y }) => ({ x, y: y / 1e6 }));
