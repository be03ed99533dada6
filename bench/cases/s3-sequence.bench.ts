import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'S3',
  title: 'Forty light tasks in sequence, durable, three nodes',
  measures: 'milliseconds from submission to the end; the tasks take no time, so all of it is control',
  payload: 'a function that returns null',
  durability: 'every step in the replicated log, flushed on a majority of three',
  verification: 'every task is done and was completed exactly once',
  figures: [
    { id: 'overhead', title: 'control of forty tasks', unit: 'ms', better: 'lower' },
    { id: 'step', title: 'control of one', unit: 'ms', better: 'lower' },
  ],
  targets: [
    { level: 'floor', figure: 'overhead', value: 300 },
    { level: 'aim', figure: 'overhead', value: 100 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, durable',
      configuration: 'three processes on loopback, defaults',
      load: async () => (await import('../subjects/tasks/durable.ts')).sequence,
    },
  ],
  sizes: { quick: { warmUpTasks: 10, tasks: 40 }, full: { warmUpTasks: 40, tasks: 40 } },
  limits: [
    limitOf(
      'overhead',
      { own: ['tutti', 'overhead'], step: ['tutti', 'step'] },
      ({ own, step }) =>
        `Forty tasks in a row are forty times what one takes: ${milliseconds(step)} each, ${milliseconds(own)} in all. No task can begin before the completion of the one before is committed, and a commit of one client is what C2 measures: that latency, times the commits on the way of a task, is the floor of this figure.`,
    ),
  ],
};
