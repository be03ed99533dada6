// Runs many seeds on all processors: a seed is a run of its own, so they may be shared out at will.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SeedNote, SeedOrder } from './seed-run.ts';

/** How many seeds a worker is sent at once. */
const ORDER_SEEDS = 25;

/** What has come of the seeds so far. */
export interface SeedTally {
  seeds: number;
  steps: number;
  /** In how many runs something struck or was reached. */
  readonly marks: Map<string, number>;
  readonly failing: number[];
}

/**
 * Runs `count` seeds from `first` on; `progress` is told after every order. Failing seeds come in their order.
 * @param file The worker that runs them, beside this one.
 */
export async function runSeeds(
  first: number,
  count: number,
  progress: (tally: SeedTally) => void,
  file = 'seed-run.ts',
): Promise<SeedTally> {
  const tally: SeedTally = { seeds: 0, steps: 0, marks: new Map(), failing: [] };
  let next = first;
  const take = (): SeedOrder | undefined => {
    const left = first + count - next;
    if (left <= 0) return undefined;
    const order = { first: next, count: Math.min(ORDER_SEEDS, left) };
    next += order.count;
    return order;
  };
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL(file, import.meta.url));
      const give = (): void => {
        const order = take();
        if (order) worker.postMessage(order);
        else void worker.terminate().then(() => resolve());
      };
      worker.on('message', (note: SeedNote) => {
        tally.seeds += note.seeds;
        tally.steps += note.steps;
        tally.failing.push(...note.failing);
        for (const [mark, runs] of Object.entries(note.marks))
          tally.marks.set(mark, (tally.marks.get(mark) ?? 0) + runs);
        progress(tally);
        give();
      });
      worker.on('error', reject);
      give();
    });
  const workers = Math.min(availableParallelism(), Math.ceil(count / ORDER_SEEDS));
  await Promise.all(Array.from({ length: workers }, work));
  tally.failing.sort((a, b) => a - b);
  return tally;
}
