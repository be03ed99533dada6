import type { BenchCase } from '../harness/case.ts';

const CLIENTS = [1, 4, 16, 64, 256, 1_024];
const THREE = 'three processes on loopback, real fdatasync before every acknowledgement';

export const bench: BenchCase = {
  id: 'X3',
  title: 'Commits per second by number of clients',
  measures:
    'commits per second with 1,024 down to 1 closed-loop clients, one number after the other on one cluster after a warm-up',
  payload: '256 bytes',
  durability: 'written and flushed by fdatasync on a majority of three before each answer',
  verification: 'the state of each of the three holds every acknowledged command, and the same number',
  figures: CLIENTS.map((count) => ({
    id: `rate-${count}`,
    title: `${count} clients`,
    unit: 'commits/s',
    better: 'higher',
  })),
  targets: [],
  curves: [
    { id: 'rate', title: 'Commits by clients', x: 'clients', y: 'commits/s', logarithmic: true },
    {
      id: 'cost',
      title: 'Time of one commit by clients',
      x: 'clients',
      y: 'us',
      logarithmic: true,
      statedSlope: -1,
    },
    { id: 'load', title: 'Throughput and latency', x: 'commits/s', y: 'p50, ms', logarithmic: true },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti Raft',
      configuration: `${THREE}; WebSockets, MessagePack, defaults`,
      load: async () => {
        const { commits } = await import('../subjects/raft/tutti-raft.ts');
        return (await import('../subjects/raft/sweeps.ts')).byClients(commits({}, CLIENTS), CLIENTS);
      },
    },
    {
      id: 'bare-pipeline',
      kind: 'limit',
      title: 'Bare pipeline',
      configuration: `${THREE}; batched ws frames, self-clocked flushes, a majority counted, nothing else`,
      load: async () => {
        const { barePipeline } = await import('../subjects/raft/bare-pipeline.ts');
        return (await import('../subjects/raft/sweeps.ts')).byClients(barePipeline(CLIENTS), CLIENTS);
      },
    },
    {
      id: 'etcd',
      kind: 'peer',
      title: 'etcd, through etcd3',
      configuration:
        'three members on loopback with their defaults; puts to the one that leads, over gRPC (etcd3) from one Node process',
      requires: { program: 'etcd', module: 'etcd3' },
      load: async () => {
        const { etcdCommits } = await import('../subjects/raft/etcd.ts');
        return (await import('../subjects/raft/sweeps.ts')).byClients(etcdCommits(CLIENTS), CLIENTS);
      },
    },
    {
      id: 'ra',
      kind: 'peer',
      title: 'Ra, RabbitMQ’s Raft',
      configuration:
        'three erl nodes on loopback, default system; clients are processes of the leader’s node',
      requires: { program: 'erl', erlangApplication: 'ra' },
      load: async () => {
        const { raCommits } = await import('../subjects/erlang/ra.ts');
        return (await import('../subjects/raft/sweeps.ts')).byClients(raCommits(CLIENTS), CLIENTS);
      },
    },
  ],
  sizes: {
    quick: { heatMs: 100, warmUpMs: 100, durationMs: 250 },
    full: { heatMs: 1_500, warmUpMs: 300, durationMs: 800 },
  },
  runs: { quick: 1, full: 5 },
  isProfiled: false,
  note: 'What is asked together is sent and flushed together: the time of one commit falls as 1 over the clients, until the processors have no more to give. A slope nearer to 0 than the stated -1 shows how early that is.',
  expectedS: ({ heatMs, warmUpMs, durationMs }) => 3 + (heatMs! + 6 * (warmUpMs! + durationMs!)) / 1_000,
};
