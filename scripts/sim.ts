// `npm run sim -- raft [--seeds N] [--seed S]`: runs whole clusters on virtual time, one per seed, on all processors.
// Progress and the trace of a violation go to stderr; the last line on stdout is JSON. A run that fails is shown with
// its trace, made smaller, and kept in test/simulation/seeds. `--options JSON` replaces parts of what the seed draws,
// which is how a smaller run is had again. With `--mutants` bugs are planted one by one, and for each it is said after
// how many seeds it was found; a bug that lives through N seeds is a survivor. `--only WORDS` takes those with these
// words in their names. The exit code is 1 for either.
// `npm run sim -- cluster [--seeds N] [--seed S]`: the same for whole clusters with their actors, and with `--mutants` for
// bugs of the runtime.
// `npm run sim -- histories [--seeds N] [--seed S] [--seconds T]`: five real processes under kills, stops and
// partitions, T seconds for each seed; what their clients saw is held against the linearizability checker.
// `npm run sim -- crash-points [--only WORDS]`: processes are killed at every call that changes the disk and at every
// message, one process for each, and another one looks at what is left. So are recoveries of a cluster and restores.
import { parseArgs } from 'node:util';
import type { SimOptions } from '../packages/consensus/src/sim/index.ts';
import type { ClusterSimOptions } from '../test/simulation/cluster/draw-options.ts';
import { CLUSTER_MUTANTS } from './sim/cluster-mutants.ts';
import { replayClusterSeed, searchClusterSeeds } from './sim/cluster-suite.ts';
import { runCrashPoints } from './sim/crash-points.ts';
import { runHistories } from './sim/histories.ts';
import { runMutants } from './sim/mutation-suite.ts';
import { RAFT_MUTANTS } from './sim/raft-mutants.ts';
import { replaySeed, searchSeeds } from './sim/raft-suite.ts';

const SEEDS_DEFAULT = 200;
/** Seeds after which a planted bug counts as a survivor, where nothing else is said. */
const MUTANT_SEEDS_DEFAULT = 1_500;
const CLUSTER_MUTANT_SEEDS_DEFAULT = 150;
const HISTORIES_SECONDS_DEFAULT = 20;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

function usage(problem: string): never {
  say(
    `${problem}\nusage: npm run sim -- raft|cluster [--seeds N] [--seed S [--options JSON]] [--mutants]\n` +
      '       npm run sim -- histories [--seeds N] [--seed S] [--seconds T]\n' +
      '       npm run sim -- crash-points [--only WORDS]',
  );
  process.exit(2);
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) usage(`--${name} wants a whole number, not "${text}"`);
  return value;
}

function optionsIn<Options>(text: string | undefined): Partial<Options> {
  try {
    return JSON.parse(text ?? '{}') as Partial<Options>;
  } catch {
    return usage(`--options wants JSON, not "${text}"`);
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        seeds: { type: 'string' },
        seed: { type: 'string' },
        options: { type: 'string' },
        mutants: { type: 'boolean' },
        only: { type: 'string' },
        seconds: { type: 'string' },
      },
    });
  } catch (thrown) {
    return usage(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** The last line of every suite. */
function finish(result: object, isGood: boolean): void {
  process.stdout.write(`${JSON.stringify({ suite, ...result })}\n`);
  process.exitCode = isGood ? 0 : 1;
}

const { positionals, values } = readArguments();
const suite = positionals[0] ?? 'raft';
const first = wholeNumber('seed', values.seed, 1);
if (suite === 'histories') await judgeHistories();
else if (suite === 'cluster') await (values.mutants ? plantClusterBugs() : simulateWholeClusters());
else if (suite === 'crash-points') await killProcesses();
else if (suite !== 'raft') usage(`there is no suite "${suite}"`);
else if (values.mutants) await plantBugs();
else await simulateClusters();

async function judgeHistories(): Promise<void> {
  const seeds = wholeNumber('seeds', values.seeds, 1);
  const seconds = wholeNumber('seconds', values.seconds, HISTORIES_SECONDS_DEFAULT);
  const report = await runHistories({ firstSeed: first, seeds, seconds, say });
  finish(report, report.violations === 0);
}

async function killProcesses(): Promise<void> {
  const report = await runCrashPoints(values.only ?? '', say);
  finish(report, report.violations === 0);
}

async function plantBugs(): Promise<void> {
  const seedsMax = wholeNumber('seeds', values.seeds, MUTANT_SEEDS_DEFAULT);
  const chosen = RAFT_MUTANTS.filter(({ name }) => name.includes(values.only ?? ''));
  const report = await runMutants(chosen, { firstSeed: first, seedsMax, say });
  finish(report, report.survivors.length === 0);
}

async function plantClusterBugs(): Promise<void> {
  const seedsMax = wholeNumber('seeds', values.seeds, CLUSTER_MUTANT_SEEDS_DEFAULT);
  const chosen = CLUSTER_MUTANTS.filter(({ name }) => name.includes(values.only ?? ''));
  const report = await runMutants(chosen, {
    firstSeed: first,
    seedsMax,
    say,
    worker: 'cluster-mutant-run.ts',
  });
  finish(report, report.survivors.length === 0);
}

async function simulateWholeClusters(): Promise<void> {
  const count = wholeNumber('seeds', values.seeds, values.seed === undefined ? SEEDS_DEFAULT : 1);
  if (count > 1 && values.options !== undefined) usage('--options goes with one seed');
  const report =
    count === 1
      ? await replayClusterSeed(first, optionsIn<ClusterSimOptions>(values.options), say)
      : await searchClusterSeeds(first, count, say);
  finish(report, report.violations === 0);
}

async function simulateClusters(): Promise<void> {
  const count = wholeNumber('seeds', values.seeds, values.seed === undefined ? SEEDS_DEFAULT : 1);
  const options = optionsIn<SimOptions>(values.options);
  if (count > 1 && values.options !== undefined) usage('--options goes with one seed');
  const report = count === 1 ? replaySeed(first, options, say) : await searchSeeds(first, count, say);
  finish(report, report.violations === 0);
}
