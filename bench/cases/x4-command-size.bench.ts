import type { BenchCase } from '../harness/case.ts';

const BYTES = [16, 256, 4_096, 65_536];

export const bench: BenchCase = {
  id: 'X4',
  title: 'Commits per second by size of the command',
  measures: 'commits per second with 64 closed-loop clients in the leader’s process, a cluster for each size',
  payload: '16 bytes to 64 KiB',
  durability: 'written and flushed by fdatasync on a majority of three before each answer',
  verification: 'the states of the three hold every acknowledged command and all of its bytes',
  figures: BYTES.map((bytes) => ({
    id: `rate-${bytes}`,
    title: `${bytes} bytes`,
    unit: 'commits/s',
    better: 'higher',
  })),
  targets: [],
  curves: [
    { id: 'rate', title: 'Commits by size of the command', x: 'bytes', y: 'commits/s', logarithmic: true },
    {
      id: 'cost',
      title: 'Time of one commit by its size',
      x: 'bytes',
      y: 'us',
      logarithmic: true,
      statedSlope: 1,
    },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti Raft',
      configuration: 'three processes, loopback WebSockets, defaults',
      load: async () => (await import('../subjects/raft/sweeps.ts')).byPayload(BYTES),
    },
    {
      id: 'bare-pipeline',
      kind: 'limit',
      title: 'Bare pipeline',
      configuration: 'three processes, batched ws frames, self-clocked flushes, a majority counted',
      load: async () => (await import('../subjects/raft/sweeps.ts')).bareByPayload(BYTES),
    },
  ],
  sizes: {
    quick: { heatMs: 100, warmUpMs: 100, durationMs: 250 },
    full: { heatMs: 1_500, warmUpMs: 300, durationMs: 800 },
  },
  runs: { quick: 1, full: 5 },
  isProfiled: false,
  note: 'A commit costs a fixed part and one that grows with its bytes: the time of one grows by a power between 0, while the fixed part is the larger, and the stated 1.',
  expectedS: ({ heatMs, warmUpMs, durationMs }) => 4 * (2 + (heatMs! + warmUpMs! + durationMs!) / 1_000),
};
