// One worker of the cluster's seed suite, as seed-run.ts is of Raft's.
import { parentPort } from 'node:worker_threads';
import { simulateCluster } from '../../test/simulation/cluster/cluster-sim.ts';
import type { SeedNote, SeedOrder } from './seed-run.ts';

parentPort!.on('message', ({ first, count }: SeedOrder) => void run(first, count));

async function run(first: number, count: number): Promise<void> {
  const failing: number[] = [];
  const marks: Record<string, number> = {};
  let steps = 0;
  for (let seed = first; seed < first + count; seed++) {
    const report = await simulateCluster({ seed });
    steps += report.steps;
    const happened = Object.entries(report.exercised).flatMap(([what, times]) => (times > 0 ? [what] : []));
    const struck = report.schedule.map(({ kind }) => kind);
    for (const mark of new Set([...happened, ...struck])) marks[mark] = (marks[mark] ?? 0) + 1;
    if (report.violation) failing.push(seed);
  }
  const note: SeedNote = { seeds: count, steps, marks, failing };
  parentPort!.postMessage(note);
}
