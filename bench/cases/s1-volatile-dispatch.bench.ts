import type { BenchCase } from '../harness/case.ts';
import { limitOf, perSecond } from '../harness/say.ts';

/** @param late The latency at the load that was offered: at the one that is asked for, or at half of what is carried. */
const limitOfWaiting = (figure: string, late: 'p99' | 'half-p99') =>
  limitOf(
    figure,
    {
      added: ['tutti', 'added'],
      rate: ['tutti', 'rate'],
      offered: ['tutti', 'offered'],
      late: ['tutti', late],
    },
    ({ added, rate, offered, late }) =>
      `A task that is added by itself takes ${(1e6 / added).toFixed(0)} us of one core, its call, its check, its record and whoever waits for it included, against ${(1e6 / rate).toFixed(0)} us for one of a wide plan. ${perSecond(offered)} was offered, ${((100 * offered) / added).toFixed(0)} % of what callers carry who wait for each other. Those of an open loop do not wait: while one takes the p99 of ${late.toFixed(1)} ms, ${((offered * late) / 1_000).toFixed(0)} others come.`,
  );

export const bench: BenchCase = {
  id: 'S1',
  title: 'Volatile dispatch of no-op tasks, one node',
  measures:
    'tasks per second of one wide plan; tasks added one by one to an open session and done, per second; then the latency of tasks added one by one, open loop, at the load that the target names where it is carried, else at half of what is; at last sessions of one task per second, as an ablation',
  payload: 'a function that returns null',
  durability: 'none: the board is in memory',
  verification:
    'as many tasks are done as were submitted, each completed exactly once by the board’s own record, and, but for the ablation, the function counted as many calls',
  figures: [
    { id: 'rate', title: 'tasks of one plan', unit: 'tasks/s', better: 'higher' },
    { id: 'offered', title: 'load under which the latency is taken', unit: 'tasks/s', better: 'higher' },
    { id: 'added', title: 'tasks added one by one', unit: 'tasks/s', better: 'higher' },
    { id: 'sessions', title: 'ablation: a session for each task', unit: 'sessions/s', better: 'higher' },
    {
      id: 'p99',
      title: 'one task at the load that is asked for, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'task', at: 0.99 },
    },
    {
      id: 'half-p99',
      title: 'one task at half of what is carried, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'task-half', at: 0.99 },
    },
  ],
  targets: [
    { level: 'floor', figure: 'rate', value: 200_000 },
    // The latency is asked for at that very rate; one under a smaller load is a figure of its own, which nothing judges.
    { level: 'floor', figure: 'offered', value: 200_000 },
    { level: 'floor', figure: 'p99', value: 1 },
    { level: 'aim', figure: 'rate', value: 500_000 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, volatile',
      configuration: 'createNode() without a folder; one orchestrator of 256 tasks at once',
      load: async () => (await import('../subjects/tasks/volatile.ts')).volatileDispatch,
    },
    {
      id: 'bare-calls',
      kind: 'limit',
      title: 'Promise.all of calls',
      configuration: 'every function called at once and awaited together; no limit, no order, no record',
      load: async () => (await import('../subjects/tasks/queues.ts')).bareCalls,
    },
    {
      id: 'fastq',
      kind: 'peer',
      title: 'fastq',
      configuration:
        'fastq.promise with concurrency 256; a queue of functions without dependencies or records',
      requires: { module: 'fastq' },
      load: async () => (await import('../subjects/tasks/queues.ts')).fastQueue,
    },
    {
      id: 'p-queue',
      kind: 'peer',
      title: 'p-queue',
      configuration: 'concurrency 256; a queue of functions without dependencies or records',
      requires: { module: 'p-queue' },
      load: async () => (await import('../subjects/tasks/queues.ts')).pQueue,
    },
  ],
  sizes: {
    quick: { warmUpTasks: 10_000, tasks: 30_000, streamMs: 700 },
    full: { warmUpTasks: 10_000, tasks: 100_000, streamMs: 3_000 },
  },
  limits: [
    limitOfWaiting('offered', 'half-p99'),
    limitOfWaiting('p99', 'half-p99'),
    limitOfWaiting('p99', 'p99'),
    limitOf(
      'rate',
      { own: ['tutti', 'rate'], bare: ['bare-calls', 'rate'], sessions: ['tutti', 'sessions'] },
      ({ own, bare, sessions }) =>
        `The floor leaves 5 us of one core for a task; ours takes ${(1e6 / own).toFixed(1)} us, of which ${(1e6 / bare).toFixed(2)} us would be spent by calling and awaiting alone. The rest is the record: a plan that is checked, a board that keeps every step of every task and a fence for each. A session for each task pays for a plan of its own: ${(1e6 / sessions).toFixed(0)} us.`,
    ),
  ],
};
