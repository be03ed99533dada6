import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { benchDisk } from '../../harness/bench-disk.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { FleetProcess, processorUsOf } from '../../harness/fleet.ts';
import { Histogram, type PackedHistogram } from '../../harness/histogram.ts';
import { heat, sleep } from '../../harness/load.ts';

const MODULE = new URL('./pipeline-process.ts', import.meta.url);

/** Three processes, batched frames, a flush before each answer, a majority: no terms, no log, no state machine. */
export function barePipeline(levels: readonly number[] = [1, 64, 256], bytes = 256) {
  return async ({ heatMs, warmUpMs, durationMs }: Sizes): Promise<Measurement> => {
    const folder = mkdtempSync(join(benchDisk(), 'tutti-bench-pipeline-'));
    const folders = ['a', 'b', 'c'].map((name) => join(folder, name));
    for (const path of folders) mkdirSync(path);
    try {
      const [leader, ...followers] = folders.map(() => new FleetProcess(MODULE));
      const ports = await Promise.all(followers.map((one, i) => one.call<number>('follow', folders[i + 1])));
      await leader!.call('lead', { folder: folders[0], ports });
      const all = [leader!, ...followers];
      await Promise.all(all.map((one) => one.call('entryBytes', bytes)));
      await leader!.call('load', heat(heatMs!));
      const figures: Record<string, number> = {};
      const histograms: Record<string, PackedHistogram> = {};
      const curve: { x: number; y: number }[] = [];
      for (const clients of levels) {
        const load = { clients, warmUpMs, durationMs };
        const [held, used] = [await heldByAll(all), await processorUsOf(all)];
        const answer = await leader!.call<{ perS: number; latencies: PackedHistogram }>('load', load);
        const usedMeanwhile = (await processorUsOf(all)) - used;
        figures[`processor-${clients}`] = usedMeanwhile / ((await heldByAll(all)) - held);
        figures[`rate-${clients}`] = answer.perS;
        histograms[`commit-${clients}`] = answer.latencies;
        curve.push({ x: answer.perS, y: Histogram.merged([answer.latencies]).percentile(0.5) });
      }
      const held = await heldByAll(all);
      return {
        figures,
        histograms,
        curves: { load: curve },
        verified: `${held} entries flushed by each of the three`,
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

async function heldByAll(processes: readonly FleetProcess[]): Promise<number> {
  for (let i = 0; i < 1_000; i++) {
    const held = await Promise.all(processes.map((one) => one.call<number>('held')));
    if (new Set(held).size === 1) return held[0]!;
    await sleep(2);
  }
  throw new Error('the three do not hold the same');
}
