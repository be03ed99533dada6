import type { Measurement, Sizes } from '../../harness/case.ts';
import { Histogram } from '../../harness/histogram.ts';
import { nextTurn } from '../../harness/load.ts';

export async function hop({ warmUpMs, asks }: Sizes): Promise<Measurement> {
  const until = performance.now() + warmUpMs!;
  while (performance.now() < until) await nextTurn();
  const latency = new Histogram();
  for (let i = 0; i < asks!; i++) {
    const start = performance.now();
    await nextTurn();
    latency.record((performance.now() - start) * 1_000);
  }
  return { figures: {}, histograms: { ask: latency.pack() }, verified: `${latency.count} turns` };
}
