import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'O4',
  title: 'What control costs, by stage, in process',
  measures: 'milliseconds per stage, none of which does any work',
  payload: 'a function that returns null',
  durability: 'none',
  verification: 'every task is done, once, by the board’s own record; the function counted as many calls',
  figures: [
    { id: 'analysis', title: 'analysis of a plan of 100 tasks', unit: 'ms', better: 'lower' },
    { id: 'task', title: 'control of one task in a sequence', unit: 'ms', better: 'lower' },
    { id: 'wave', title: 'control of one wave of five', unit: 'ms', better: 'lower' },
  ],
  targets: [
    { level: 'floor', figure: 'analysis', value: 100 },
    { level: 'floor', figure: 'wave', value: 50 },
    { level: 'aim', figure: 'task', value: 1 },
  ],
  limits: [
    limitOf(
      'analysis',
      { analysis: ['tutti', 'analysis'] },
      ({ analysis }) =>
        `${milliseconds(analysis)} for a plan of 100 tasks is ${milliseconds(analysis / 100)} for a task. The profile says where.`,
    ),
    limitOf(
      'wave',
      { wave: ['tutti', 'wave'], task: ['tutti', 'task'] },
      ({ wave, task }) =>
        `A wave is five tasks: ${milliseconds(wave / 5)} for each, where one in a sequence takes ${milliseconds(task)}. The profile says where.`,
    ),
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, volatile',
      configuration: 'createNode() without a folder',
      load: async () => (await import('../subjects/headline/stages.ts')).stages,
    },
  ],
  sizes: { quick: { tasks: 40, waves: 20 }, full: { tasks: 400, waves: 200 } },
  note: 'The original says 50 to 100 ms of analysis and 10 to 50 ms a wave; those are the floors. The durable line is S3, where 40 tasks within 300 ms are 7.5 ms each. The selection of an agent is a decision of S4. Nothing here calls a model: its selection, and the overhead that it is a part of, have no figure. Stages are means over all that were run.',
};
