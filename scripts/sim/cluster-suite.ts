// The suite of the whole cluster: one seed looked at closely, or many searched for one that fails.

import { describeFault } from '../../packages/tutti/src/testing/fault.ts';
import {
  type ClusterSimReport,
  changedClusterOptions,
  shrinkCluster,
  simulateCluster,
} from '../../test/simulation/cluster/cluster-sim.ts';
import type { ClusterSimOptions } from '../../test/simulation/cluster/draw-options.ts';
import { keepSeed } from './kept-seeds.ts';
import { runSeeds } from './seed-suite.ts';

type Say = (text: string) => void;

/** What came of a suite. */
export interface ClusterSuiteReport {
  readonly seeds: number;
  readonly steps: number;
  readonly violations: number;
}

const TRACE_LINES = 200;
/** Failing runs that are shown with their traces. */
const SHOWN_MAX = 3;
/** Runs that a search for a smaller one may take; each takes a good part of a second. */
const SHRINK_RUNS = 60;

/** Runs one seed, and shows it in full if it fails. */
export async function replayClusterSeed(
  seed: number,
  options: Partial<ClusterSimOptions>,
  say: Say,
): Promise<ClusterSuiteReport> {
  const report = await simulateCluster({ seed, options, traceLinesMax: TRACE_LINES });
  if (report.violation) show(report, say);
  else
    say(
      `seed ${seed}: ${JSON.stringify(report.exercised)}, ${report.virtualMs} ms, trace ${report.traceHash}`,
    );
  return { seeds: 1, steps: report.steps, violations: report.violation ? 1 : 0 };
}

/** Runs seeds from `first` on; those that fail are shown, kept, and made smaller. */
export async function searchClusterSeeds(
  first: number,
  count: number,
  say: Say,
): Promise<ClusterSuiteReport> {
  const progress = (tally: { seeds: number; steps: number; failing: readonly number[] }): void =>
    say(
      `cluster: ${tally.seeds} of ${count} seeds, ${tally.steps} events, ${tally.failing.length} violations`,
    );
  const { steps, failing } = await runSeeds(first, count, progress, 'cluster-seed-run.ts');
  for (const seed of failing.slice(0, SHOWN_MAX)) {
    const report = await simulateCluster({ seed, traceLinesMax: TRACE_LINES });
    show(report, say);
    const { checker, problem } = report.violation!;
    keepSeed(seed, {}, `${checker}: ${problem.split('\n')[0]}`, 'cluster');
    say(`smaller: ${replayLine(await shrinkCluster(report, SHRINK_RUNS))}`);
  }
  if (failing.length > 0) say(`failing seeds: ${failing.join(' ')}`);
  return { seeds: count, steps, violations: failing.length };
}

function show(report: ClusterSimReport, say: Say): void {
  for (const line of report.trace) say(line);
  const { checker, problem, atMs } = report.violation!;
  say(`options ${JSON.stringify({ ...report.options, schedule: undefined })}`);
  for (const fault of report.schedule) say(describeFault(fault));
  say(`violation of ${checker} in seed ${report.seed} at ${atMs} ms: ${problem}`);
  say(`replay: ${replayLine(report)}`);
}

/** The command that does a run again. */
function replayLine(report: ClusterSimReport): string {
  const changed = JSON.stringify(changedClusterOptions(report));
  return `npm run sim -- cluster --seed ${report.seed}${changed === '{}' ? '' : ` --options '${changed}'`}`;
}
