// Runs every planted bug against the simulator, a few at a time, and reports which of them it lets live.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { LoopWatch } from './loop-watch.ts';
import type { Mutant } from './mutant.ts';
import type { MutantRunNote, MutantRunOrder } from './mutant-run.ts';

/** What became of the bugs. */
export interface MutationReport {
  readonly mutants: number;
  readonly killed: number;
  /** Names of the bugs that no seed showed. */
  readonly survivors: readonly string[];
  /** Seeds that fail without any bug, each with the bug in whose season it does: they kill nothing. */
  readonly unsound: readonly string[];
}

export interface MutationOptions {
  readonly firstSeed: number;
  /** Seeds after which a bug counts as a survivor. */
  readonly seedsMax: number;
  /** Told of each bug when its fate is known. */
  readonly say: (text: string) => void;
  /** The file of the worker that plants a bug and runs seeds, beside this one. Default: Raft's. */
  readonly worker?: string;
  /** Processor time after which a seed counts as a loop without an end, in milliseconds. Default 60,000. */
  readonly loopMs?: number;
}

/** A seed takes milliseconds: a bug that has one compute for this long has made a loop without an end. */
const LOOP_MS = 60_000;
const WORKERS_MAX = 4;
/** What a module ends with when nothing is left to do while it still awaits something. */
const UNSETTLED = 13;

/**
 * Runs all of `mutants`; what the simulator throws out of is as dead as what its checkers see. The seed that shows a
 * bug is run once more without it: if that fails as well, it has shown a fault of the code and not the bug.
 */
export async function runMutants<Weather>(
  mutants: readonly Mutant<Weather>[],
  options: MutationOptions,
): Promise<MutationReport> {
  const waiting = [...mutants];
  const survivors: string[] = [];
  const unsound: string[] = [];
  const { firstSeed, seedsMax, worker = 'mutant-run.ts', loopMs = LOOP_MS } = options;
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const { name, season, trial, breaks } = mutant;
      const fate = await runSeeds(worker, { mutant, season, trial, breaks, firstSeed, seedsMax }, loopMs);
      const seed = firstSeed + fate.seeds - 1;
      const base = fate.by
        ? await runSeeds(
            worker,
            { mutant: undefined, season, trial, breaks: undefined, firstSeed: seed, seedsMax: 1 },
            loopMs,
          )
        : undefined;
      if (base?.by) unsound.push(`${seed}: ${name}`);
      if (!fate.by || base?.by) survivors.push(name);
      const verdict = fate.by ? `dead after ${fate.seeds} (${fate.by})` : `ALIVE after ${fate.seeds}`;
      options.say(`${(base?.by ? `UNSOUND seed ${seed} (${base.by})` : verdict).padEnd(52)} ${name}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(WORKERS_MAX, availableParallelism()) }, work));
  const inOrder = mutants.map(({ name }) => name).filter((name) => survivors.includes(name));
  return { mutants: mutants.length, killed: mutants.length - survivors.length, survivors: inOrder, unsound };
}

interface Fate {
  readonly seeds: number;
  /** What killed it; undefined for a survivor. */
  readonly by: string | undefined;
}

function runSeeds<Weather>(file: string, order: MutantRunOrder<Weather>, loopMs: number): Promise<Fate> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(file, import.meta.url), { workerData: order });
    let seeds = 0;
    let by: string | undefined;
    const watch = new LoopWatch(worker, loopMs, () => {
      seeds++;
      by = 'a loop without an end';
      void worker.terminate();
    });
    worker.on('message', ({ checker }: MutantRunNote) => {
      watch.heard();
      seeds++;
      by = checker;
    });
    worker.on('error', (failure) => {
      watch.stop();
      reject(failure);
    });
    worker.on('exit', (code) => {
      watch.stop();
      if (by !== undefined || seeds === order.seedsMax) resolve({ seeds, by });
      else if (code === UNSETTLED) resolve({ seeds: seeds + 1, by: 'a run that waits for ever' });
      else reject(new Error(`"${order.mutant?.name ?? 'the code as it is'}" ended without a word`));
    });
  });
}
