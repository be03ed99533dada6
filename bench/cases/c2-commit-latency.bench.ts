import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'C2',
  title: 'Raft: latency of a commit, one client',
  measures:
    'milliseconds in the leader’s process: from proposal to answer, one after the other; and at 200 a second whatever the answers do, from when each was due',
  payload: '256 bytes',
  durability: 'written and flushed by fdatasync on a majority of three before each answer',
  verification: 'the state of each of the three holds every acknowledged command',
  figures: [
    {
      id: 'p50',
      title: 'one after the other, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'commit-1', at: 0.5 },
    },
    {
      id: 'p50-offered',
      title: 'at 200/s, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'offered', at: 0.5 },
    },
    {
      id: 'p99',
      title: 'at 200/s, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'offered', at: 0.99 },
    },
    {
      id: 'max',
      title: 'at 200/s, longest',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'offered', at: 1 },
    },
    { id: 'flush-max-1', title: 'longest flush of the leader', unit: 'ms', better: 'lower' },
    {
      id: 'processor-1',
      title: 'processor time of all processes for a commit',
      unit: 'us',
      better: 'lower',
    },
    {
      id: 'wait-1',
      title: 'time that their threads waited for a processor, for a commit',
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
  runs: { quick: 2, full: 5 },
  sizes: {
    quick: { heatMs: 200, warmUpMs: 100, durationMs: 400, ratePerS: 200, offeredMs: 400 },
    full: { heatMs: 2_000, warmUpMs: 500, durationMs: 1_500, ratePerS: 200, offeredMs: 3_000 },
  },
  note: 'The lines are about one client, as they were stated, so they are judged by commits one after the other. Such a client hides a stall from itself: it asks nothing while it waits. The p99 and the longest are therefore those of a load that comes at its own rate.',
  limits: [
    limitOf(
      'p50',
      {
        own: ['tutti', 'p50'],
        bare: ['bare-pipeline', 'p50'],
        used: ['tutti', 'processor-1'],
        bareUsed: ['bare-pipeline', 'processor-1'],
        waited: ['tutti', 'wait-1'],
        bareWaited: ['bare-pipeline', 'wait-1'],
      },
      ({ own, bare, used, bareUsed, waited, bareWaited }) =>
        `A lone commit is one frame to two processes, a flush on two of the three at the same time, and one frame back: ${milliseconds(bare)} with nothing else. Ours takes ${milliseconds(own - bare)} more. The three processes use ${used.toFixed(0)} us of the processors for a commit and those of the bare pipeline ${bareUsed.toFixed(0)} us; their threads were ready and waited for a processor for ${waited.toFixed(0)} us and ${bareWaited.toFixed(0)} us.`,
    ),
  ],
};
