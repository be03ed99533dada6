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
    quick: { warmUpMs: 300, durationMs: 700 },
    full: { warmUpMs: 500, durationMs: 2_000 },
  },
  limits: [
    limitOf(
      'p50',
      { own: ['tutti', 'p50'], bare: ['bare-pipeline', 'p50'] },
      ({ own, bare }) =>
        `A lone commit is one frame to two processes, a flush on the faster of them, and one frame back: ${milliseconds(bare)} with nothing else. Ours takes ${milliseconds(own - bare)} more, in four processes' turns of the event loop on the cores of this machine, where every turn that is not the next step of this commit makes it wait.`,
    ),
  ],
};
