// One planted bug of the cluster in a world of its own, as mutant-run.ts does it for Raft.
import { parentPort, workerData } from 'node:worker_threads';
import type { ClusterSimOptions } from '../../test/simulation/cluster/draw-options.ts';
import type { MutantRunNote, MutantRunOrder } from './mutant-run.ts';
import { plant } from './plant.ts';

const SOURCES = new URL('../../packages/runtime/src/', import.meta.url);
const { mutant, season, breaks, firstSeed, seedsMax } = workerData as MutantRunOrder<
  Partial<ClusterSimOptions>
>;
const planted = mutant && plant(mutant, SOURCES);

// Imported only now, since hooks do not reach what is loaded already.
const { simulateCluster } = await import('../../test/simulation/cluster/cluster-sim.ts');
if (planted && !planted()) throw new Error(`the simulator does not load ${mutant.file}`);
for (let seed = firstSeed; seed < firstSeed + seedsMax; seed++) {
  const report = await simulateCluster({ seed, ...(season ? { options: season } : {}) });
  const broken = report.violation?.checker;
  const note: MutantRunNote = {
    seed,
    checker: breaks === undefined || broken === breaks ? broken : undefined,
  };
  parentPort!.postMessage(note);
  if (note.checker) break;
}
