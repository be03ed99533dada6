// The Raft suite: one seed looked at closely, or many seeds searched for one that fails.
import {
  changedOptions,
  drawOptions,
  type SimOptions,
  type SimReport,
  shrink,
  simulate,
  TROUBLES,
} from '../../packages/consensus/src/sim/index.ts';
import { keepHistory } from './kept-history.ts';
import { keepSeed } from './kept-seeds.ts';
import { runSeeds } from './seed-suite.ts';

/** What came of a suite. */
export interface RaftReport {
  readonly seeds: number;
  readonly steps: number;
  readonly violations: number;
}

type Say = (text: string) => void;

const TRACE_LINES = 200;
/** Failing runs that are shown with their traces. */
const SHOWN_MAX = 3;

/** Runs one seed, and shows it in full if it fails. */
export function replaySeed(seed: number, options: Partial<SimOptions>, say: Say): RaftReport {
  const report = simulate({ seed, options, traceLinesMax: TRACE_LINES });
  if (report.violation) show(report, say);
  return { seeds: 1, steps: report.steps, violations: report.violation ? 1 : 0 };
}

/** Runs seeds from `first` on; those that fail are shown, kept, and made smaller. */
export async function searchSeeds(first: number, count: number, say: Say): Promise<RaftReport> {
  const { steps, marks, failing } = await runSeeds(first, count, (tally) =>
    say(`raft: ${tally.seeds} of ${count} seeds, ${tally.steps} events, ${tally.failing.length} violations`),
  );
  sayMarks(marks, say);
  for (const seed of failing.slice(0, SHOWN_MAX)) {
    // The same seed is the same run: it is done again, this time with a trace.
    const report = simulate({ seed, traceLinesMax: TRACE_LINES });
    show(report, say);
    const { checker, problem } = report.violation!;
    keepSeed(seed, {}, `${checker}: ${problem.split('\n')[0]}`);
    say(`smaller: ${replayLine(shrink(report))}`);
  }
  if (failing.length > 0) say(`failing seeds: ${failing.join(' ')}`);
  return { seeds: count, steps, violations: failing.length };
}

/** What the runs came to, the rarest first, and which troubles struck in none of them. */
function sayMarks(marks: ReadonlyMap<string, number>, say: Say): void {
  const counts = [...marks].sort(([, a], [, b]) => a - b).map(([what, runs]) => `${what} ${runs}`);
  say(`struck or reached, in how many runs: ${counts.join(', ')}`);
  const silent = TROUBLES.filter(({ mark }) => mark !== undefined && !marks.has(mark));
  say(`in none: ${silent.map(({ name }) => name).join(', ') || 'nothing'}`);
}

function show(report: SimReport, say: Say): void {
  for (const line of report.trace) say(line);
  say(`options ${JSON.stringify(report.options)}`);
  const { checker, problem, atMs, evidence } = report.violation!;
  say(`violation of ${checker} in seed ${report.seed} at ${Math.round(atMs)} ms: ${problem}`);
  if (evidence) say(`as a picture: ${keepHistory(report.seed, evidence.page, evidence.operations)}`);
  say(`replay: ${replayLine(report)}`);
}

/** The command that does a run again. */
function replayLine({ seed, options }: SimReport): string {
  const changed = JSON.stringify(changedOptions(drawOptions(seed), options));
  return `npm run sim -- raft --seed ${seed}${changed === '{}' ? '' : ` --options '${changed}'`}`;
}
