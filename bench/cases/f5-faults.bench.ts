import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'F5',
  title: 'A long run of tasks under random kills and pauses',
  measures: 'tasks lost and tasks committed twice, of one plan on three nodes',
  payload: 'tasks that let a fixed time pass, 32 at once on each node',
  durability: 'every step in the replicated log, flushed on a majority of three',
  verification: 'the board’s own record of every task, after the session has ended',
  figures: [
    { id: 'lost', title: 'tasks lost', unit: 'tasks', better: 'lower' },
    { id: 'twice', title: 'tasks committed twice', unit: 'tasks', better: 'lower' },
    { id: 'rate', title: 'done meanwhile', unit: 'tasks/s', better: 'higher' },
  ],
  targets: [
    { level: 'floor', figure: 'lost', value: 0 },
    { level: 'floor', figure: 'twice', value: 0 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, durable',
      configuration:
        'three processes on loopback, defaults; half of the faults are kill -9, half SIGSTOP for a while',
      load: async () => (await import('../subjects/tasks/node-kills.ts')).tasksUnderFaults,
    },
  ],
  sizes: {
    quick: { tasks: 1_000, taskMs: 20, faultEveryMs: 700, pauseMs: 600, seed: 1 },
    full: { tasks: 100_000, taskMs: 20, faultEveryMs: 3_000, pauseMs: 2_000, seed: 1 },
  },
  runs: 1,
  note: 'Partitions are drawn by the simulator (npm run sim -- cluster), where links can be cut one by one. A full run is one run of 100,000 tasks.',
};
