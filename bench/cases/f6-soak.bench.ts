import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'F6',
  title: 'Soak at half of S2',
  measures:
    'growth of the largest node’s resident set and of the p99 over time, as slopes of the least-squares lines',
  payload: 'sessions of one task that returns null, open loop',
  durability: 'every step in the replicated log, flushed on a majority of three',
  verification: 'every session is done, its task completed once',
  figures: [
    { id: 'memory-slope', title: 'memory', unit: 'MB/min', better: 'lower' },
    { id: 'p99-slope', title: 'p99', unit: 'ms/min', better: 'lower' },
    { id: 'offered', title: 'offered', unit: 'tasks/s', better: 'higher' },
  ],
  targets: [],
  curves: [
    { id: 'memory', title: 'Resident set of the largest node', x: 'minutes', y: 'MB' },
    { id: 'latency', title: 'p99 of each window', x: 'minutes', y: 'ms' },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, durable',
      configuration: 'three processes on loopback, defaults',
      load: async () => (await import('../subjects/tasks/soak.ts')).soak,
    },
  ],
  sizes: {
    quick: { tasks: 300, soakMs: 20_000, windowMs: 2_000 },
    full: { tasks: 20_000, soakMs: 600_000, windowMs: 10_000 },
  },
  runs: 1,
  expectedS: ({ soakMs }) => soakMs! / 1_000 + 15,
  note: 'A quick run is over before memory has settled: its slope shows the start, not a leak.',
};
