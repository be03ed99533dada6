import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';
import { LOST_TASKS, NONE_LOST } from '../subjects/tasks/none-lost.ts';

export const bench: BenchCase = {
  id: 'S7',
  title: 'kill -9 of the node with most running tasks',
  measures:
    'milliseconds: the longest time without any completion between the signal and the first completion of a task that the dead node held, and when that was',
  payload: 'tasks that let a fixed time pass, eight at once on each node',
  durability: 'every step in the replicated log, flushed on a majority of three',
  verification:
    'the session runs to its end; tasks that were submitted and not done, or that nobody wrote down as done, and tasks completed twice are counted',
  figures: [
    {
      id: 'gap-p50',
      title: 'longest gap without a completion, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'gap', at: 0.5 },
    },
    {
      id: 'gap-p99',
      title: 'longest gap without a completion, p99',
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
    ...LOST_TASKS,
  ],
  targets: [
    { level: 'floor', figure: 'gap-p99', value: 1_000 },
    { level: 'aim', figure: 'gap-p50', value: 400 },
    ...NONE_LOST,
  ],
  limits: [
    limitOf(
      'gap-p99',
      { half: ['tutti', 'gap-p50'], late: ['tutti', 'gap-p99'], recovery: ['tutti', 'recovery-p50'] },
      ({ half, late, recovery }) =>
        `While nobody leads nothing can be completed. The gap is ${milliseconds(half)} at the median, and the work of the dead node is taken up after ${milliseconds(recovery)}. Of the p99 of ${milliseconds(late)}, up to 600 ms are the silence that a node waits for when nothing else tells it that its leader is gone; the other ${milliseconds(Math.max(0, late - 600))} are what follows.`,
    ),
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
  runs: { quick: 1, full: 5 },
  sizes: {
    quick: { kills: 2, tasks: 500, taskMs: 50, betweenMs: 300 },
    full: { kills: 4, tasks: 600, taskMs: 100, betweenMs: 500 },
  },
  note: 'The survivors complete what they hold every few milliseconds, so the next completion after the signal would say nothing: the gap is the longest one until the work of the dead node is taken up. A full run kills 20 times, so its p99 is the longest of 20.',
};
