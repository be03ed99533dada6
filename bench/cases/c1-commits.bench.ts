import type { BenchCase, Subject } from '../harness/case.ts';
import { limitOf, perSecond } from '../harness/say.ts';
import type { CommitOptions } from '../subjects/raft/tutti-raft.ts';

const THREE = 'three processes on loopback, real fdatasync before every acknowledgement';

const ablation = (
  id: string,
  title: string,
  configuration: string,
  config: object,
  options: CommitOptions = {},
): Subject => ({
  id,
  kind: 'ablation',
  title,
  configuration: `${THREE}; ${configuration}`,
  load: async () => (await import('../subjects/raft/tutti-raft.ts')).commits(config, [256], options),
});

export const bench: BenchCase = {
  id: 'C1',
  title: 'Raft: commits per second',
  measures:
    'commits per second with 256, 64 and 1 closed-loop clients in the leader’s process, in that order after a warm-up',
  payload: '256 bytes',
  durability: 'written and flushed by fdatasync on a majority of three before each answer',
  verification:
    'after the load the state of each of the three holds every acknowledged command, and the same number',
  figures: [
    { id: 'rate-256', title: '256 clients', unit: 'commits/s', better: 'higher' },
    { id: 'rate-64', title: '64 clients', unit: 'commits/s', better: 'higher' },
    { id: 'rate-1', title: '1 client', unit: 'commits/s', better: 'higher' },
    {
      id: 'p50-256',
      title: '256 clients, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'commit-256', at: 0.5 },
    },
    {
      id: 'p99-256',
      title: '256 clients, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'commit-256', at: 0.99 },
    },
    {
      id: 'max-256',
      title: '256 clients, longest',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'commit-256', at: 1 },
    },
    { id: 'batch-256', title: '256 clients, entries in a flush', unit: 'entries', better: 'higher' },
    { id: 'flush-max-256', title: '256 clients, longest flush of the leader', unit: 'ms', better: 'lower' },
    {
      id: 'processor-256',
      title: '256 clients, processor time of all processes for a commit',
      unit: 'us',
      better: 'lower',
    },
    { id: 'client-256', title: 'of it the clients’ own process', unit: 'us', better: 'lower' },
    { id: 'processor-1', title: '1 client, processor time of all processes', unit: 'us', better: 'lower' },
    { id: 'disk-1', title: 'disk: flushes of 1 entry', unit: 'entries/s', better: 'higher' },
    { id: 'disk-64', title: 'disk: flushes of 64 entries', unit: 'entries/s', better: 'higher' },
    { id: 'disk-1024', title: 'disk: flushes of 1,024 entries', unit: 'entries/s', better: 'higher' },
  ],
  targets: [
    { level: 'floor', figure: 'rate-256', value: 30_000 },
    { level: 'floor', figure: 'rate-256', value: 5, against: { subject: 'etcd' } },
    { level: 'floor', figure: 'rate-256', value: 1.5, against: { subject: 'ra' } },
    { level: 'aim', figure: 'rate-256', value: 0.6, against: { subject: 'bare-pipeline' } },
    { level: 'aim', figure: 'rate-256', value: 20, against: { subject: 'etcd' } },
    { level: 'aim', figure: 'rate-256', value: 5, against: { subject: 'ra' } },
  ],
  curves: [{ id: 'load', title: 'Throughput and latency, 1 to 256 clients', x: 'commits/s', y: 'p50, ms' }],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti Raft',
      configuration: `${THREE}; WebSockets, MessagePack, defaults`,
      load: async () => (await import('../subjects/raft/tutti-raft.ts')).commits(),
    },
    ablation('one-append-under-way', 'Without pipelined appends', 'inflightMessagesMax 1', {
      inflightMessagesMax: 1,
    }),
    ablation(
      'small-appends',
      'Without batches on the wire',
      'appendBytesMax 512: about one entry in a message',
      {
        appendBytesMax: 512,
      },
    ),
    ablation(
      'flush-per-entry',
      'Without group commit',
      'after each flush of a batch as many more as it saved, one by one; the entries in a flush are those of the batch',
      {},
      { ablation: 'flush-per-entry' },
    ),
    ablation(
      'disk-first',
      'Without a disk parallel to the network',
      'entries leave when the leader’s own disk has them',
      {},
      { ablation: 'disk-first' },
    ),
    ablation(
      'one-lane',
      'Without lanes',
      'heartbeats, votes and acknowledgements in one socket with entries, behind them',
      {},
      { ablation: 'one-lane' },
    ),
    ablation(
      'forwarded',
      'Clients at a follower',
      'the clients are in a follower’s process, which forwards each command and is told what became of it',
      {},
      { isForwarded: true },
    ),
    {
      id: 'bare-pipeline',
      kind: 'limit',
      title: 'Bare pipeline',
      configuration: `${THREE}; batched ws frames, self-clocked flushes, a majority counted, nothing else`,
      load: async () => (await import('../subjects/raft/bare-pipeline.ts')).barePipeline(),
    },
    {
      id: 'disk',
      kind: 'limit',
      title: 'One disk',
      configuration: 'write and fdatasync of a preallocated file, one process, one after the other',
      load: async () => (await import('../subjects/raft/disk.ts')).flushes,
    },
    {
      id: 'etcd',
      kind: 'peer',
      title: 'etcd, through etcd3',
      configuration:
        'three members on loopback with their defaults; puts to the one that leads, over gRPC (etcd3) from one Node process, whose share of the processor time is a figure',
      requires: { program: 'etcd', module: 'etcd3' },
      load: async () => (await import('../subjects/raft/etcd.ts')).etcdCommits([1, 64, 256]),
    },
    {
      id: 'ra',
      kind: 'peer',
      title: 'Ra, RabbitMQ’s Raft',
      configuration:
        'three erl nodes on loopback, default system, its own write-ahead log; clients are processes of the leader’s node',
      requires: { program: 'erl', erlangApplication: 'ra' },
      load: async () => (await import('../subjects/erlang/ra.ts')).raCommits([1, 64, 256]),
    },
  ],
  note: 'Clients of ours, of Ra and of the bare pipeline are in the leader’s process. Those of etcd can only be in another, so its figure is that of etcd with its client on the same cores: how much of the processor time is the client’s own stands beside it, and “Clients at a follower” is ours with clients elsewhere.',
  runs: { quick: 2, full: 5 },
  sizes: {
    quick: { heatMs: 200, warmUpMs: 200, durationMs: 500 },
    full: { heatMs: 2_000, warmUpMs: 400, durationMs: 1_300 },
  },
  limits: [
    limitOf(
      'rate-256',
      {
        bare: ['bare-pipeline', 'rate-256'],
        used: ['tutti', 'processor-256'],
        bareUsed: ['bare-pipeline', 'processor-256'],
        batch: ['tutti', 'batch-256'],
        small: ['disk', 'disk-64'],
        large: ['disk', 'disk-1024'],
      },
      ({ bare, used, bareUsed, batch, small, large }) =>
        `One disk alone takes ${perSecond(small)} entries in flushes of 64 and ${perSecond(large)} in flushes of 1,024; ours flushes ${batch.toFixed(0)} at a time. Three processes that only send, flush and count reach ${perSecond(bare)} with ${bareUsed.toFixed(1)} us of the processors for an entry; ours uses ${used.toFixed(1)} us. The difference is what a log that survives costs: terms, checksums, exactly-once sessions, applying, and answers. The profile says where.`,
    ),
  ],
};
