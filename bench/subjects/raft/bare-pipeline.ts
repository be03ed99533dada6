import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { benchDisk } from '../../harness/bench-disk.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { FleetProcess } from '../../harness/fleet.ts';
import type { PackedHistogram } from '../../harness/histogram.ts';
import { sleep } from '../../harness/load.ts';
import { mustEqual } from '../actors/arrivals.ts';
import { type LoadAnswer, measureLevels, measureOffered } from './levels.ts';

const MODULE = new URL('./pipeline-process.ts', import.meta.url);

type PipelineAnswer = LoadAnswer & { readonly acknowledged: number };

/** Three processes, batched frames, a flush before each answer, a majority: no terms, no log, no state machine. */
export function barePipeline(levels: readonly number[] = [1, 64, 256], bytes = 256) {
  return async (sizes: Sizes): Promise<Measurement> => {
    const folder = mkdtempSync(join(benchDisk(), 'tutti-bench-pipeline-'));
    const folders = ['a', 'b', 'c'].map((name) => join(folder, name));
    for (const path of folders) mkdirSync(path);
    try {
      const all = folders.map(() => new FleetProcess(MODULE, ['--expose-gc']));
      const [leader, ...followers] = all;
      const ports = await Promise.all(followers.map((one, i) => one.call<number>('follow', folders[i + 1])));
      await leader!.call('lead', { folder: folders[0], ports });
      await Promise.all(all.map((one) => one.call('entryBytes', bytes)));
      let acknowledged = 0;
      const { figures, histograms, curves } = await measureLevels(levels, sizes, {
        async load(load) {
          const answer = await leader!.call<PipelineAnswer>('load', load);
          acknowledged += answer.acknowledged;
          return answer;
        },
        collect: () => Promise.all(all.map((one) => one.collect())),
        pids: all.map(({ pid }) => pid),
      });
      const offered = await measureOffered(sizes, (load) => leader!.call<PackedHistogram>('offer', load));
      acknowledged += offered['offered']?.count ?? 0;
      const held = await heldByAll(all);
      mustEqual('entries flushed by each of the three', held, acknowledged);
      const verified = `${acknowledged} answered, ${held} entries flushed by each of the three`;
      return { figures, histograms: { ...histograms, ...offered }, curves, verified };
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
