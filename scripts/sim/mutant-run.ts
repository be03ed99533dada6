// One planted bug in a world of its own: a worker whose loader hands out the changed text of one file, so that the
// files themselves are never touched. It runs seeds until one shows a violation, and says so after each.
import { registerHooks } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { type Mutant, mutated } from './mutant.ts';

/** What the worker is given. */
export interface MutantRunOrder {
  readonly mutant: Mutant;
  readonly firstSeed: number;
  readonly seedsMax: number;
}

/** What it says after each seed. */
export interface MutantRunNote {
  readonly seed: number;
  readonly checker: string | undefined;
}

const SOURCES = new URL('../../packages/consensus/src/', import.meta.url);
const { mutant, firstSeed, seedsMax } = workerData as MutantRunOrder;
const changed = new URL(mutant.file, SOURCES).href;
let planted = false;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url !== changed || !loaded.source) return loaded;
    planted = true;
    const text = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
    return { ...loaded, source: mutated(text, mutant) };
  },
});

// Imported only now, since hooks do not reach what is loaded already.
const { simulate } = await import('../../packages/consensus/src/sim/index.ts');
if (!planted) throw new Error(`the simulator does not load ${mutant.file}`);
for (let seed = firstSeed; seed < firstSeed + seedsMax; seed++) {
  const note: MutantRunNote = { seed, checker: simulate({ seed }).violation?.checker };
  parentPort!.postMessage(note);
  if (note.checker) break;
}
