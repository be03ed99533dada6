import type { Measurement, Point, Sizes } from '../../harness/case.ts';
import { Histogram } from '../../harness/histogram.ts';
import { slopeOf } from '../../harness/statistics.ts';
import { mustBeWhole } from './drive.ts';
import { widePlan } from './plans.ts';
import { withTaskCluster } from './task-cluster.ts';

/** Half of the rate that a wide plan reached, for a long time: whether memory or latency grow. */
export function soak({ tasks, soakMs, windowMs }: Sizes): Promise<Measurement> {
  return withTaskCluster(async (cluster) => {
    const outcome = await cluster.run(widePlan(tasks!, 256));
    const ratePerS = (mustBeWhole(outcome) * 500) / outcome.wallMs;
    const memory: Point[] = [];
    const latency: Point[] = [];
    let offered = 0;
    const start = performance.now();
    while (performance.now() - start < soakMs!) {
      const window = await cluster.stream(ratePerS, windowMs!);
      offered += window.offered;
      const x = (performance.now() - start) / 60_000;
      const bytes = await Promise.all(cluster.nodes.map(({ process }) => process.call<number>('memory')));
      memory.push({ x, y: Math.max(...bytes) });
      latency.push({ x, y: Histogram.merged([window.latencies]).percentile(0.99) });
    }
    // The first quarter is warm-up: caches fill, code is compiled, the heap finds its size.
    const settled = (points: readonly Point[]) => points.slice(Math.ceil(points.length / 4));
    const slope = (points: readonly Point[]) => slopeOf(settled(points).map(({ x, y }) => [x, y] as const));
    return {
      figures: { 'memory-slope': slope(memory) / 1e6, 'p99-slope': slope(latency), offered: ratePerS },
      curves: { memory: memory.map(({ x, y }) => ({ x, y: y / 1e6 })), latency },
      verified: `${offered} sessions of one task, each done once`,
    };
  });
}
