import type { ReplicaConfig } from '@tutti/consensus';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { sharedNowMs } from '../../harness/fleet-member.ts';
import { Histogram } from '../../harness/histogram.ts';
import { type ClosedLoad, heat } from '../../harness/load.ts';
import type { RaftAblation } from './ablations.ts';
import { measureLevels, measureOffered } from './levels.ts';
import { RaftCluster } from './raft-cluster.ts';
import type { LoadRequest } from './voter.ts';

const BYTES = 256;

/** What a run of commits may have otherwise than usual. */
export interface CommitOptions {
  /** Of one command. */
  readonly bytes?: number;
  readonly voters?: number;
  readonly ablation?: RaftAblation;
  /** The clients are in the process of a follower, not of the leader. */
  readonly isForwarded?: boolean;
}

/** Commits per second at several numbers of clients, each after the other on one cluster. */
export function commits(
  config: ReplicaConfig = {},
  levels: readonly number[] = [1, 64, 256],
  { bytes = BYTES, isForwarded = false, ...options }: CommitOptions = {},
) {
  return async (sizes: Sizes): Promise<Measurement> => {
    const cluster = await RaftCluster.start(config, options);
    try {
      let acknowledged = 0;
      const { figures, histograms, curves } = await measureLevels(levels, sizes, {
        async load(load) {
          const answer = await cluster.load({ what: 'writes', bytes, ...load }, isForwarded);
          acknowledged += answer.acknowledged;
          return answer;
        },
        collect: () => cluster.collect(),
        pids: cluster.pids,
      });
      const offered = await measureOffered(sizes, (load) => cluster.offer({ bytes, ...load }));
      acknowledged += offered['offered']?.count ?? 0;
      const verified = await verify(cluster, acknowledged, bytes);
      return { figures, histograms: { ...histograms, ...offered }, curves, verified };
    } finally {
      await cluster.end();
    }
  };
}

/** Every voter must hold every command that was acknowledged, and the same number. */
async function verify(cluster: RaftCluster, acknowledged: number, bytesEach = BYTES): Promise<string> {
  const ledgers = await cluster.ledgers();
  const counts = ledgers.map(({ commands }) => commands);
  if (new Set(counts).size !== 1 || counts[0]! < acknowledged)
    throw new Error(`${acknowledged} were acknowledged, the voters hold ${counts.join(', ')}`);
  if (ledgers.some(({ commands, bytes }) => bytes !== commands * bytesEach))
    throw new Error('a command lost bytes');
  return `${acknowledged} commits acknowledged, ${counts.join(', ')} in the states`;
}

export async function reads({ heatMs, warmUpMs, durationMs, clients }: Sizes): Promise<Measurement> {
  const cluster = await RaftCluster.start({});
  try {
    const load = (what: LoadRequest['what'], closed: ClosedLoad) =>
      cluster.load({ what, bytes: BYTES, ...closed });
    const counted = { clients: clients!, warmUpMs: warmUpMs!, durationMs: durationMs! };
    // Both kinds, before either counts.
    const hot = [await load('writes', heat(heatMs! / 2)), await load('reads', heat(heatMs! / 2))];
    await cluster.collect();
    const writes = await load('writes', counted);
    const reads = await load('reads', counted);
    const verified = await verify(cluster, hot[0]!.acknowledged + writes.acknowledged);
    await cluster.mustAskMajority();
    return {
      figures: { reads: reads.perS, writes: writes.perS },
      histograms: { read: reads.latencies },
      verified: `${reads.acknowledged} reads answered, none by a leader that was alone; ${verified}`,
    };
  } finally {
    await cluster.end();
  }
}

export async function leaderKills({ kills }: Sizes): Promise<Measurement> {
  const cluster = await RaftCluster.start({});
  try {
    const gaps = new Histogram();
    for (let i = 0; i < kills!; i++) gaps.record(await cluster.killLeader(sharedNowMs));
    const verified = await verify(cluster, kills!);
    return {
      figures: {},
      histograms: { gap: gaps.pack() },
      verified: `${kills} leaders killed; ${verified}`,
    };
  } finally {
    await cluster.end();
  }
}
