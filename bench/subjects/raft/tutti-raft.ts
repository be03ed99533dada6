import type { ReplicaConfig } from '@tutti/consensus';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { sharedNowMs } from '../../harness/fleet-member.ts';
import { Histogram, type PackedHistogram } from '../../harness/histogram.ts';
import { heat } from '../../harness/load.ts';
import type { RaftAblation } from './ablations.ts';
import { RaftCluster } from './raft-cluster.ts';

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
  return async ({ heatMs, warmUpMs, durationMs }: Sizes): Promise<Measurement> => {
    const cluster = await RaftCluster.start(config, options);
    try {
      const figures: Record<string, number> = {};
      const histograms: Record<string, PackedHistogram> = {};
      const curve: { x: number; y: number }[] = [];
      const hot = await cluster.load({ what: 'writes', bytes, ...heat(heatMs!) }, isForwarded);
      let { acknowledged } = hot;
      for (const clients of levels) {
        const load = {
          what: 'writes',
          clients,
          warmUpMs: warmUpMs!,
          durationMs: durationMs!,
          bytes,
        } as const;
        const before = await cluster.processorUs();
        const answer = await cluster.load(load, isForwarded);
        figures[`processor-${clients}`] = ((await cluster.processorUs()) - before) / answer.acknowledged;
        acknowledged += answer.acknowledged;
        figures[`rate-${clients}`] = answer.perS;
        figures[`batch-${clients}`] = answer.entriesPerFlush;
        histograms[`commit-${clients}`] = answer.latencies;
        curve.push({ x: answer.perS, y: Histogram.merged([answer.latencies]).percentile(0.5) });
      }
      const verified = await verify(cluster, acknowledged, bytes);
      return { figures, histograms, curves: { load: curve }, verified };
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

export async function reads({ warmUpMs, durationMs, clients }: Sizes): Promise<Measurement> {
  const cluster = await RaftCluster.start({});
  try {
    const common = { clients: clients!, warmUpMs: warmUpMs!, durationMs: durationMs!, bytes: BYTES };
    const writes = await cluster.load({ what: 'writes', ...common });
    const reads = await cluster.load({ what: 'reads', ...common });
    const verified = await verify(cluster, writes.acknowledged);
    return {
      figures: { reads: reads.perS, writes: writes.perS },
      histograms: { read: reads.latencies },
      verified: `${reads.acknowledged} reads answered; ${verified}`,
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
