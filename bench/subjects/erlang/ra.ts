import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { benchDisk } from '../../harness/bench-disk.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { withPortMapper } from './distribution.ts';
import { runErlang } from './erlang.ts';

/** Ra and what it stands on, as RabbitMQ ships them. */
const APPLICATIONS = ['ra', 'aten', 'gen_batch_server', 'seshat'];

/** Commands of 256 bytes to a Ra cluster of three nodes, at several numbers of clients. */
export function raCommits(levels: readonly number[]) {
  return async ({ heatMs, warmUpMs, durationMs }: Sizes): Promise<Measurement> => {
    const folder = mkdtempSync(join(benchDisk(), 'tutti-bench-ra-'));
    try {
      const measured = await withPortMapper((mapper) =>
        runErlang('ra_commits', {
          applications: APPLICATIONS,
          flags: ['-name', `ra_a_${process.pid}@127.0.0.1`, '-setcookie', 'bench'],
          variables: {
            ...mapper,
            BENCH_DATA: folder,
            BENCH_LEVELS: levels.join(','),
            BENCH_HEAT_MS: String(heatMs),
            BENCH_WARM_UP_MS: String(warmUpMs),
            BENCH_DURATION_MS: String(durationMs),
          },
        }),
      );
      const { 'p50-1': p50 } = measured.figures;
      return { ...measured, figures: { ...measured.figures, ...(p50 === undefined ? {} : { p50 }) } };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}
