import type { BenchCase } from '../harness/case.ts';
import { LOST_TASKS, NONE_LOST } from '../subjects/tasks/none-lost.ts';

export const bench: BenchCase = {
  id: 'F5',
  title: 'A long run of tasks under random kills, pauses and partitions',
  measures: 'tasks lost and tasks committed twice, of all sessions on three nodes',
  payload: 'tasks that let a fixed time pass, so many at once on each node',
  durability: 'every step in the replicated log, flushed on a majority of three',
  verification:
    'no session is over before its first fault; after each: as many tasks done as were submitted, by the board’s own record and by what those who did them wrote down, in a file that outlives a kill',
  figures: [
    ...LOST_TASKS,
    { id: 'faults', title: 'faults while tasks were under way', unit: 'faults', better: 'higher' },
    { id: 'rate', title: 'done meanwhile', unit: 'tasks/s', better: 'higher' },
  ],
  targets: NONE_LOST,
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, durable',
      configuration:
        'three processes on loopback behind relays, defaults; a third of the faults each are kill -9, SIGSTOP for a while, and a node cut off in silence for a while',
      load: async () => (await import('../subjects/tasks/node-kills.ts')).tasksUnderFaults,
    },
  ],
  sizes: {
    quick: {
      sessions: 1,
      tasks: 1_000,
      taskMs: 50,
      concurrency: 8,
      faultEveryMs: 400,
      faultMs: 900,
      seed: 1,
    },
    full: {
      sessions: 10,
      tasks: 100_000,
      taskMs: 50,
      concurrency: 32,
      faultEveryMs: 1_000,
      faultMs: 2_000,
      seed: 1,
    },
  },
  runs: { quick: 1, full: 5 },
  expectedS: ({ tasks }) => 10 + tasks! / 500,
  note: 'Each sample of a full run is one run of 100,000 tasks in ten sessions, one after the other: the plan of a session is one command, of 8 MiB at most. Without faults a session would take five seconds, as no more tasks run at once: one that is over sooner meets nothing. The simulator (npm run sim) cuts links one by one and in every shape.',
};
