// One worker of the seed suite: runs the seeds that it is sent, and says of each what came of it.
import { parentPort } from 'node:worker_threads';
import { simulate } from '../../packages/consensus/src/sim/index.ts';

/** Seeds to run, from `first` on. */
export interface SeedOrder {
  readonly first: number;
  readonly count: number;
}

/** What came of an order. */
export interface SeedNote {
  readonly seeds: number;
  readonly steps: number;
  /** In how many of the runs something struck or was reached. */
  readonly marks: Readonly<Record<string, number>>;
  /** Seeds that showed a violation. */
  readonly failing: readonly number[];
}

parentPort!.on('message', ({ first, count }: SeedOrder) => {
  const failing: number[] = [];
  const marks: Record<string, number> = {};
  let steps = 0;
  for (let seed = first; seed < first + count; seed++) {
    const report = simulate({ seed });
    steps += report.steps;
    for (const mark of Object.keys(report.marks)) marks[mark] = (marks[mark] ?? 0) + 1;
    if (report.violation) failing.push(seed);
  }
  const note: SeedNote = { seeds: count, steps, marks, failing };
  parentPort!.postMessage(note);
});
