import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'C2',
  title: 'Raft: latency of a commit, one client',
  measures: 'milliseconds from proposal to answer in the leader’s process, one after the other',
  payload: '256 bytes',
  durability: 'written and flushed by fdatasync on a majority of three before each answer',
  verification: 'the state of each of the three holds every acknowledged command',
  figures: [
    { id: 'p50', title: 'commit, p50', unit: 'ms', better: 'lower', percentile: { of: 'commit-1', at: 0.5 } },
    {
      id: 'p99',
      title: 'commit, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'commit-1', at: 0.99 },
    },
    {
      id: 'processor-1',
      title: 'processor time of all three for a commit',
      unit: 'us',
      better: 'lower',
    },
  ],
  targets: [
    { level: 'floor', figure: 'p50', value: 1, against: { subject: 'ra' } },
    { level: 'floor', figure: 'p50', value: 1.6, against: { subject: 'bare-pipeline' } },
    { level: 'aim', figure: 'p50', value: 1.2, against: { subject: 'bare-pipeline' } },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti Raft',
      configuration: 'three processes, loopback WebSockets, defaults',
      load: async () => (await import('../subjects/raft/tutti-raft.ts')).commits({}, [1]),
    },
    {
      id: 'disk-first',
      kind: 'ablation',
      title: 'Without a disk parallel to the network',
      configuration: 'three processes; an entry leaves when the leader’s own disk has it',
      load: async () =>
        (await import('../subjects/raft/tutti-raft.ts')).commits({}, [1], { ablation: 'disk-first' }),
    },
    {
      id: 'bare-pipeline',
      kind: 'limit',
      title: 'Bare pipeline',
      configuration: 'three processes, ws frames, a flush each, a majority counted',
      load: async () => (await import('../subjects/raft/bare-pipeline.ts')).barePipeline([1]),
    },
    {
      id: 'ra',
      kind: 'peer',
      title: 'Ra, RabbitMQ’s Raft',
      configuration:
        'three erl nodes on loopback, default system; the client is a process of the leader’s node',
      requires: { program: 'erl', erlangApplication: 'ra' },
      load: async () => (await import('../subjects/erlang/ra.ts')).raCommits([1]),
    },
  ],
  sizes: {
    quick: { heatMs: 200, warmUpMs: 300, durationMs: 700 },
    full: { heatMs: 2_000, warmUpMs: 500, durationMs: 2_000 },
  },
  limits: [
    limitOf(
      'p50',
      {
        own: ['tutti', 'p50'],
        bare: ['bare-pipeline', 'p50'],
        used: ['tutti', 'processor-1'],
        bareUsed: ['bare-pipeline', 'processor-1'],
      },
      ({ own, bare, used, bareUsed }) =>
        `A lone commit is one frame to two processes, a flush on the faster of them, and one frame back: ${milliseconds(bare)} with nothing else. Ours takes ${milliseconds(own - bare)} more. The three processes use ${used.toFixed(0)} us of the processors for a commit and those of the bare pipeline ${bareUsed.toFixed(0)} us, most of it for waking up: a write to a socket, a write and a flush by a thread, a turn of the loop. On as few cores as these the three do not do it side by side, so what is used is waited for.`,
    ),
  ],
};
