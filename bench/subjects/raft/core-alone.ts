import { CoreCluster } from '../../../packages/consensus/src/raft/testing/core-cluster.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { batchRate } from '../../harness/load.ts';
import { mustEqual } from '../actors/arrivals.ts';

const BYTES = 256;

/** Three cores in one process that hand each other objects: no codec, no socket, no disk. */
export async function coreAlone({ warmUpMs, durationMs, clients }: Sizes): Promise<Measurement> {
  const cluster = new CoreCluster({ seed: 1 });
  const leader = cluster.elect('a');
  const payload = new Uint8Array(BYTES);
  const hosts = [...cluster.hosts.values()];
  const firstIndex = leader.lastIndex;
  for (const host of hosts) host.applied.length = 0;
  const applied = hosts.map(() => 0);
  let proposed = 0;
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, clients!, () => {
    for (let client = 0; client < clients!; client++) leader.propose(payload);
    proposed += clients!;
    cluster.settle();
    hosts.forEach((host, i) => (applied[i]! += host.applied.splice(0).length));
  });
  mustEqual('entries committed', leader.commitIndex - firstIndex, proposed);
  mustEqual(
    'entries applied by the leader',
    applied[hosts.findIndex(({ core }) => core === leader)]!,
    proposed,
  );
  // A follower hears of the last ones with the next message.
  for (const count of applied)
    if (count > proposed || count < proposed - clients!)
      throw new Error(`${proposed} were proposed, ${applied.join(', ')} applied`);
  return { figures: { rate }, verified: `${proposed} entries committed, ${applied.join(', ')} applied` };
}
