import { CoreCluster } from '../../../packages/consensus/src/raft/testing/core-cluster.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { batchRate } from '../../harness/load.ts';

const BYTES = 256;

/** Three cores in one process that hand each other objects: no codec, no socket, no disk. */
export async function coreAlone({ warmUpMs, durationMs, clients }: Sizes): Promise<Measurement> {
  const cluster = new CoreCluster({ seed: 1 });
  const leader = cluster.elect('a');
  const payload = new Uint8Array(BYTES);
  const hosts = [...cluster.hosts.values()];
  const firstIndex = leader.lastIndex;
  let applied = hosts.map(() => 0);
  let proposed = 0;
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, clients!, () => {
    for (let client = 0; client < clients!; client++) leader.propose(payload);
    proposed += clients!;
    cluster.settle();
    applied = hosts.map((host, i) => applied[i]! + host.applied.splice(0).length);
  });
  const held = leader.commitIndex - firstIndex;
  if (held !== proposed) throw new Error(`${proposed} were proposed, ${held} are committed`);
  return { figures: { rate }, verified: `${held} entries committed and applied by the leader` };
}
