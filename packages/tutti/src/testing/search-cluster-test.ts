import { TuttiError } from '@tutti/kernel';
import type { ClusterTestSource } from './cluster-test.ts';
import { type ClusterTestReport, type ClusterTestRun, runClusterTest } from './run-cluster-test.ts';
import { type Shrunk, shrinkClusterTest } from './shrink-cluster-test.ts';

/** What to search. */
export interface SearchOptions {
  readonly file: string;
  readonly firstSeed: number;
  readonly seeds: number;
  /** What every run has instead of what the test and the seed say. */
  readonly run: Omit<ClusterTestRun, 'seed' | 'traceLines'>;
  /** Whether to look for a smaller run of a seed that fails. */
  readonly shrinks: boolean;
  readonly progress: (report: ClusterTestReport, done: number) => void;
}

/** What a search came to. It ends at the first seed that fails. */
export interface Search {
  readonly seeds: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly failing: ClusterTestReport | undefined;
  /** The smaller run; the failing one itself where none was looked for. */
  readonly smallest: Shrunk | undefined;
}

/** Enough for all of a run, to find where two of them part. */
const ALL_LINES = 1_000_000;

/**
 * Runs seed after seed until one fails. The first is run twice, since a test that is not the same each time can neither
 * be replayed nor be made smaller.
 * @throws TuttiError `TUTTI_TEST_NOT_REPEATABLE`
 */
export async function searchClusterTest(source: ClusterTestSource, options: SearchOptions): Promise<Search> {
  const { firstSeed, seeds, run } = options;
  const total = { seeds: 0, events: 0, virtualMs: 0 };
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const report = await runClusterTest(source, { ...run, seed });
    total.seeds++;
    total.events += report.events;
    total.virtualMs += report.virtualMs;
    options.progress(report, total.seeds);
    if (seed === firstSeed || report.failure)
      await demandTheSame(source, { ...run, seed }, report, options.file);
    if (!report.failure) continue;
    const smallest = options.shrinks ? await shrinkClusterTest(source, report) : { report, runs: 0 };
    return { ...total, failing: report, smallest };
  }
  return { ...total, failing: undefined, smallest: undefined };
}

async function demandTheSame(
  source: ClusterTestSource,
  run: ClusterTestRun,
  report: ClusterTestReport,
  file: string,
): Promise<void> {
  const again = await runClusterTest(source, run);
  if (outcomeOf(again) === outcomeOf(report)) return;
  const one = await runClusterTest(source, { ...run, traceLines: ALL_LINES });
  const other = await runClusterTest(source, { ...run, traceLines: ALL_LINES });
  const at = one.lines.findIndex((line, index) => line !== other.lines[index]);
  const parted = (at < 0 ? undefined : one.lines[at]) ?? other.lines[one.lines.length];
  const where = parted ?? `the end: ${endOf(report)}, then ${endOf(again)}`;
  throw new TuttiError('TUTTI_TEST_NOT_REPEATABLE', { file, seed: run.seed, where: where.trim() });
}

/** What two runs of a seed have in common. What a test keeps between them may show in nothing but how they end. */
function outcomeOf({ hash, events, virtualMs, failure }: ClusterTestReport): string {
  return JSON.stringify([hash, events, virtualMs, failure?.kind, failure?.problem]);
}

function endOf({ failure, virtualMs }: ClusterTestReport): string {
  return failure ? `it fails with "${failure.problem}"` : `it passes in ${virtualMs} ms`;
}
