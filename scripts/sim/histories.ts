import { runHistory } from '../../test/histories/history-run.ts';
import { keepHistory } from './kept-history.ts';

export interface HistoriesOptions {
  readonly firstSeed: number;
  readonly seeds: number;
  /** How long each run makes trouble. */
  readonly seconds: number;
  readonly say: (text: string) => void;
}

/** What all runs came to. */
export interface HistoriesReport {
  readonly seeds: number;
  readonly operations: number;
  readonly acknowledgedWrites: number;
  readonly faults: number;
  readonly violations: number;
}

/** Five real processes under faults, once per seed; what their clients saw is judged, and told with the faults. */
export async function runHistories(options: HistoriesOptions): Promise<HistoriesReport> {
  const { firstSeed, seeds, seconds, say } = options;
  const total = { operations: 0, acknowledgedWrites: 0, faults: 0, violations: 0 };
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    say(`seed ${seed}, ${seconds} s:`);
    const report = await runHistory({ seed, durationMs: seconds * 1_000, say });
    const { returned, failed, unknown } = report.operations;
    say(
      `  ${returned} answered, ${failed} refused, ${unknown} unknown; ${report.acknowledgedWrites} writes acknowledged; ` +
        `${report.faults.length} faults; ${report.verdict}, ${report.steps} steps`,
    );
    for (const problem of report.problems) say(problem);
    if (report.timeline) say(`as a picture: ${keepHistory(seed, report.timeline)}`);
    if (report.problems.length > 0)
      say(`again: npm run sim -- histories --seed ${seed} --seconds ${seconds}`);
    total.operations += returned + failed + unknown;
    total.acknowledgedWrites += report.acknowledgedWrites;
    total.faults += report.faults.length;
    total.violations += report.problems.length > 0 ? 1 : 0;
  }
  return { seeds, ...total };
}
