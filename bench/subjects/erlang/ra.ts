import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { benchDisk } from '../../harness/bench-disk.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { highestFirst, loadCurve } from '../raft/levels.ts';
import { withPortMapper } from './distribution.ts';
import { runErlang } from './erlang.ts';

/** Ra and what it stands on, as RabbitMQ ships them. */
const APPLICATIONS = ['ra', 'aten', 'gen_batch_server', 'seshat'];

/** Commands of 256 bytes to a Ra cluster of three nodes, at several numbers of clients. */
export function raCommits(levels: readonly number[]) {
  return async (sizes: Sizes): Promise<Measurement> => {
    const folder = mkdtempSync(join(benchDisk(), 'tutti-bench-ra-'));
    try {
      const measured = await withPortMapper((mapper) =>
        runErlang('ra_commits', {
          applications: APPLICATIONS,
          flags: ['-name', `ra_a_${process.pid}@127.0.0.1`, '-setcookie', 'bench'],
          variables: {
            ...mapper,
            BENCH_DATA: folder,
            BENCH_LEVELS: highestFirst(levels).join(','),
            BENCH_HEAT_MS: String(sizes['heatMs']),
            BENCH_WARM_UP_MS: String(sizes['warmUpMs']),
            BENCH_DURATION_MS: String(sizes['durationMs']),
            BENCH_RATE_PER_S: String(sizes['ratePerS'] ?? 0),
            BENCH_OFFERED_MS: String(sizes['offeredMs'] ?? 0),
          },
        }),
      );
      const { figures, histograms } = measured;
      return { ...measured, curves: { load: loadCurve(levels, figures, histograms ?? {}) } };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}
