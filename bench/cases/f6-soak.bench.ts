import type { BenchCase } from '../harness/case.ts';
import { limitOf } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'F6',
  title: 'Soak at half of S2',
  measures:
    'growth over time, as slopes of the least-squares lines: of the largest node’s resident set, of its heap after a collection at the end of each window, and of the p99',
  payload: 'sessions of ten tasks that return null, open loop; the latency is that of a session',
  durability: 'every step in the replicated log, flushed on a majority of three',
  verification: 'every session is done, each of its tasks completed once; the function counted as many calls',
  figures: [
    { id: 'memory-slope', title: 'memory', unit: 'MB/min', better: 'lower' },
    { id: 'heap-slope', title: 'heap after a collection', unit: 'MB/min', better: 'lower' },
    { id: 'heap-per-task', title: 'heap kept for each task', unit: 'bytes', better: 'lower' },
    { id: 'p99-slope', title: 'p99', unit: 'ms/min', better: 'lower' },
    { id: 'p99-drift', title: 'p99, up or down', unit: 'ms/min', better: 'lower' },
    { id: 'offered', title: 'offered', unit: 'tasks/s', better: 'higher' },
  ],
  // Flat, within what the line through so short a run can tell.
  targets: [
    { level: 'floor', figure: 'heap-slope', value: 1 },
    { level: 'floor', figure: 'memory-slope', value: 1 },
    { level: 'floor', figure: 'p99-drift', value: 1 },
  ],
  curves: [
    { id: 'memory', title: 'Resident set of the largest node', x: 'minutes', y: 'MB' },
    { id: 'heap', title: 'Heap of the largest node after a collection', x: 'minutes', y: 'MB' },
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
  limits: ['heap-slope', 'memory-slope', 'p99-drift'].map((figure) =>
    limitOf(
      figure,
      {
        slope: ['tutti', 'heap-slope'],
        each: ['tutti', 'heap-per-task'],
        p99: ['tutti', 'p99-slope'],
        offered: ['tutti', 'offered'],
      },
      ({ slope, each, p99, offered }) =>
        `The heap grew by ${slope.toFixed(1)} MB a minute, ${each.toFixed(1)} bytes for each task. What is kept of tasks is bounded: the 100 sessions that ended last, here 1,000 tasks, which are ${(1_000 / offered).toFixed(1)} s of the ${offered.toFixed(0)} a second that are offered, and the log down to its snapshot, 10,000 entries or 16 MiB and 2,000 entries behind it. What grows after the first quarter, which is left out, is the sessions under way, compiled code, or a leak. The p99 moved by ${p99.toFixed(0)} ms a minute. npm run bench -- F6 --soak-minutes 30 tells these apart.`,
    ),
  ),
  sizes: {
    quick: { tasks: 300, perSession: 10, soakMs: 20_000, windowMs: 2_000 },
    full: { tasks: 20_000, perSession: 10, soakMs: 300_000, windowMs: 5_000 },
  },
  runs: { quick: 1, full: 1 },
  expectedS: ({ soakMs }) => soakMs! / 1_000 + 15,
  note: 'Memory that V8 has taken and not yet given back is in the resident set and not in the heap: a leak shows in both. The first quarter is left out. The line is about 30 minutes, which npm run bench -- F6 --soak-minutes 30 soaks; without that a full run soaks five, and a quick one 20 s, which are over before the engine has settled.',
};
