// `npm run sim -- raft [--seeds N] [--seed S]`: runs whole clusters on virtual time, one per seed. Progress and the
// trace of a violation go to stderr; the last line on stdout is JSON. With `--mutants` it plants bugs one by one and
// says after how many seeds each was found; a bug that lives through N seeds is a survivor, and the exit code is 1.
// `npm run sim -- histories [--seeds N] [--seed S] [--seconds T]`: five real processes under kills, stops and
// partitions, T seconds for each seed; what their clients saw is held against the linearizability checker.
import { parseArgs } from 'node:util';
import { type SimReport, simulate } from '../packages/consensus/src/sim/index.ts';
import { runHistories } from './sim/histories.ts';
import { runMutants } from './sim/mutation-suite.ts';
import { RAFT_MUTANTS } from './sim/raft-mutants.ts';

const SEEDS_DEFAULT = 200;
/** Seeds after which a planted bug counts as a survivor, where nothing else is said. */
const MUTANT_SEEDS_DEFAULT = 1_500;
const TRACE_LINES = 200;
const HISTORIES_SECONDS_DEFAULT = 20;
const SUITES: Readonly<Record<string, (seed: number, traceLinesMax: number) => SimReport>> = {
  raft: (seed, traceLinesMax) => simulate({ seed, traceLinesMax }),
};

const MUTANTS: Readonly<Record<string, typeof RAFT_MUTANTS>> = { raft: RAFT_MUTANTS };

const say = (text: string): void => void process.stderr.write(`${text}\n`);

function usage(problem: string): never {
  say(
    `${problem}\nusage: npm run sim -- ${Object.keys(SUITES).join('|')} [--seeds N] [--seed S] [--mutants]\n` +
      '       npm run sim -- histories [--seeds N] [--seed S] [--seconds T]',
  );
  process.exit(2);
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) usage(`--${name} wants a whole number, not "${text}"`);
  return value;
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        seeds: { type: 'string' },
        seed: { type: 'string' },
        mutants: { type: 'boolean' },
        seconds: { type: 'string' },
      },
    });
  } catch (thrown) {
    return usage(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function show(suite: string, report: SimReport): void {
  for (const line of report.trace) say(line);
  say(`options ${JSON.stringify(report.options)}`);
  const { checker, problem, atMs } = report.violation!;
  say(`violation of ${checker} in seed ${report.seed} at ${Math.round(atMs)} ms: ${problem}`);
  say(`replay: npm run sim -- ${suite} --seed ${report.seed}`);
}

const { positionals, values } = readArguments();
const suite = positionals[0] ?? 'raft';
const first = wholeNumber('seed', values.seed, 1);
if (suite === 'histories') await judgeHistories();
else if (values.mutants) await plantBugs();
else runSeeds(SUITES[suite] ?? usage(`there is no suite "${suite}"`));

async function judgeHistories(): Promise<void> {
  const seeds = wholeNumber('seeds', values.seeds, 1);
  const seconds = wholeNumber('seconds', values.seconds, HISTORIES_SECONDS_DEFAULT);
  const report = await runHistories({ firstSeed: first, seeds, seconds, say });
  process.stdout.write(`${JSON.stringify({ suite, ...report })}\n`);
  process.exitCode = report.violations > 0 ? 1 : 0;
}

async function plantBugs(): Promise<void> {
  const mutants = MUTANTS[suite] ?? usage(`there are no planted bugs for "${suite}"`);
  const seedsMax = wholeNumber('seeds', values.seeds, MUTANT_SEEDS_DEFAULT);
  const report = await runMutants(mutants, { firstSeed: first, seedsMax, say });
  process.stdout.write(`${JSON.stringify({ suite, ...report })}\n`);
  process.exitCode = report.survivors.length > 0 ? 1 : 0;
}

function runSeeds(runSeed: (seed: number, traceLinesMax: number) => SimReport): void {
  const count = wholeNumber('seeds', values.seeds, values.seed === undefined ? SEEDS_DEFAULT : 1);
  let steps = 0;
  let violations = 0;
  for (let seed = first; seed < first + count; seed++) {
    const report = runSeed(seed, 0);
    steps += report.steps;
    if (report.violation) {
      violations++;
      // The same seed is the same run: it is done again, this time with a trace.
      show(suite, runSeed(seed, TRACE_LINES));
    }
    const done = seed - first + 1;
    if (done % 50 === 0)
      say(`${suite}: ${done} of ${count} seeds, ${steps} events, ${violations} violations`);
  }
  process.stdout.write(`${JSON.stringify({ suite, seeds: count, steps, violations })}\n`);
  process.exitCode = violations > 0 ? 1 : 0;
}
