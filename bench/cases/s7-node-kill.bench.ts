import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'S7',
  title: 'kill -9 of the node with most running tasks',
  measures:
    'milliseconds from the signal to the next completion anywhere, and to the first of a task that the dead node held',
  payload: 'tasks that let a fixed time pass, eight at once on each node',
  durability: 'every step in the replicated log, flushed on a majority of three',
  verification: 'the session runs to its end; tasks without an end and tasks completed twice are counted',
  figures: [
    {
      id: 'gap-p50',
      title: 'next completion, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'gap', at: 0.5 },
    },
    {
      id: 'gap-p99',
      title: 'next completion, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'gap', at: 0.99 },
    },
    {
      id: 'recovery-p50',
      title: 'first recovered task, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'recovery', at: 0.5 },
    },
    { id: 'lost', title: 'tasks lost', unit: 'tasks', better: 'lower' },
    { id: 'twice', title: 'tasks committed twice', unit: 'tasks', better: 'lower' },
  ],
  targets: [
    { level: 'floor', figure: 'gap-p99', value: 1_000 },
    { level: 'aim', figure: 'gap-p50', value: 400 },
    { level: 'floor', figure: 'lost', value: 0 },
    { level: 'floor', figure: 'twice', value: 0 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, durable',
      configuration: 'three processes on loopback, defaults; the victim is started again each time',
      load: async () => (await import('../subjects/tasks/node-kills.ts')).busiestKilled,
    },
  ],
  expectedS: ({ kills }) => 4 + 5 * kills!,
  isProfiled: false,
  sizes: {
    quick: { kills: 2, tasks: 500, taskMs: 50, betweenMs: 300 },
    full: { kills: 4, tasks: 600, taskMs: 100, betweenMs: 500 },
  },
};
