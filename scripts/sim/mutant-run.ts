// One planted bug in a world of its own: a worker whose loader hands out the changed text of one file, so that the
// files themselves are never touched. It runs seeds until one shows a violation, and says so after each. With no bug to
// plant it runs the code as it is.
import { parentPort, workerData } from 'node:worker_threads';
import type { Mutant, Trial } from './mutant.ts';
import { plant } from './plant.ts';
import { type Season, seasonOptions } from './season.ts';

/** What the worker is given. */
export interface MutantRunOrder<Weather = Season> {
  readonly mutant: Mutant<Weather> | undefined;
  readonly season: Weather | undefined;
  readonly trial: Trial | undefined;
  /** The promise whose breach is looked for; undefined for any. */
  readonly breaks: string | undefined;
  readonly firstSeed: number;
  readonly seedsMax: number;
}

/** What it says after each seed. */
export interface MutantRunNote {
  readonly seed: number;
  readonly checker: string | undefined;
}

const SOURCES = new URL('../../packages/consensus/src/', import.meta.url);
const { mutant, season, trial, breaks, firstSeed, seedsMax } = workerData as MutantRunOrder;
const planted = mutant && plant(mutant, SOURCES);

// Imported only now, since hooks do not reach what is loaded already.
const { drawOptions, simulate } = await import('../../packages/consensus/src/sim/index.ts');
const { walkRepair } = await import('../../packages/consensus/src/sim/testing/repair-walk.ts');
if (planted && !planted()) throw new Error(`the simulator does not load ${mutant.file}`);

/** What a seed breaks; undefined if nothing. */
async function brokenBy(seed: number): Promise<string | undefined> {
  if (trial === 'repair walk') return (await walkRepair(seed)) && trial;
  return simulate({ seed, options: seasonOptions(seed, season, drawOptions) }).violation?.checker;
}

for (let seed = firstSeed; seed < firstSeed + seedsMax; seed++) {
  const broken = await brokenBy(seed);
  const note: MutantRunNote = {
    seed,
    checker: breaks === undefined || broken === breaks ? broken : undefined,
  };
  parentPort!.postMessage(note);
  if (note.checker) break;
}
