import type { BenchCase } from '../harness/case.ts';
import { limitOf, perSecond } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'O1',
  title: 'Throughput and latency of no-op tasks',
  measures:
    'tasks added one by one to an open session, at 10 to 90 % of the lower of two rates, that of a wide plan and that of such tasks, open loop; the knee is the last load before the first with a p95 of 100 ms or more',
  payload: 'a function that returns null',
  durability: 'in-process: none; three nodes: flushed on a majority',
  verification: 'every task that was added is done, and completed once; its function was called',
  figures: [
    { id: 'knee', title: 'load at the knee', unit: 'tasks/s', better: 'higher' },
    { id: 'knee-p95', title: 'p95 at the knee', unit: 'ms', better: 'lower' },
    { id: 'rate', title: 'one wide plan', unit: 'tasks/s', better: 'higher' },
  ],
  // That the p95 is below 100 ms is what makes a load the knee: to judge it once more could not fail.
  targets: [{ level: 'floor', figure: 'knee', value: 10_000 }],
  subjects: [
    {
      id: 'durable',
      kind: 'ours',
      title: 'Tutti, three nodes',
      configuration: 'three processes on loopback, defaults',
      load: async () => (await import('../subjects/tasks/durable.ts')).durableCurve,
    },
    {
      id: 'volatile',
      kind: 'ours',
      title: 'Tutti, in process',
      configuration: 'createNode() without a folder',
      load: async () => (await import('../subjects/tasks/volatile.ts')).volatileCurve,
    },
  ],
  runs: { quick: 1, full: 5 },
  limits: [
    limitOf(
      'knee',
      { durable: ['durable', 'knee'], wide: ['durable', 'rate'], volatile: ['volatile', 'knee'] },
      ({ durable, wide, volatile }) =>
        `Each task is added by itself. In memory that is carried up to ${perSecond(volatile)}; on three copies that share this machine's cores up to ${perSecond(durable)}, where one wide plan reaches ${perSecond(wide)}: the way of each task into the log is what it costs more.`,
    ),
  ],
  sizes: {
    quick: { warmUpTasks: 100, tasks: 500, streamMs: 400 },
    full: { warmUpTasks: 1_000, tasks: 20_000, streamMs: 2_500 },
  },
  curves: [{ id: 'load', title: 'Load carried and p95', x: 'tasks/s', y: 'p95, ms' }],
  note: 'The original says 10,000 tasks/s with a p95 below 100 ms. PBFT has no line here yet. The wide plan is there to find the loads; S1 and S2 measure one for its own sake, after another warm-up.',
};
