import type { BenchCase } from '../harness/case.ts';
import { limitOf } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'O2',
  title: 'Speed-up by more workers',
  measures:
    'total work over makespan, tasks of 0.5 to 3.1 s drawn from a seed, all shortened alike so that a run is not only waiting, on 1, 2, 4 and 8 workers',
  payload: 'tasks that let time pass',
  durability: 'none',
  verification: 'every task is done, once, by the board’s own record, and no sooner than their times allow',
  figures: [
    { id: 'gain-2', title: 'speed-up, 2 workers', unit: 'x', better: 'higher' },
    { id: 'gain-4', title: 'speed-up, 4 workers', unit: 'x', better: 'higher' },
    { id: 'gain-8', title: 'speed-up, 8 workers', unit: 'x', better: 'higher' },
    { id: 'efficiency-2', title: 'efficiency, 2 workers', unit: '', better: 'higher' },
    { id: 'efficiency-4', title: 'efficiency, 4 workers', unit: '', better: 'higher' },
    { id: 'efficiency-8', title: 'efficiency, 8 workers', unit: '', better: 'higher' },
  ],
  targets: [
    { level: 'floor', figure: 'gain-4', value: 3 },
    { level: 'aim', figure: 'gain-8', value: 5 },
  ],
  limits: [
    limitOf(
      'gain-4',
      { gain: ['tutti', 'gain-4'], two: ['tutti', 'efficiency-2'], four: ['tutti', 'efficiency-4'] },
      ({ gain, two, four }) =>
        `Four workers can gain 4 at most, and have ${gain.toFixed(2)}: each is busy for ${(four * 100).toFixed(0)} % of the time, where two are for ${(two * 100).toFixed(0)} %. What is missing is the end, when fewer tasks are left than workers, and what control takes between two tasks.`,
    ),
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, volatile',
      configuration: 'createNode() without a folder; as many tasks at once as there are workers',
      load: async () => (await import('../subjects/headline/speed-up.ts')).speedUp,
    },
  ],
  expectedS: ({ tasks, percent }) => 2 + tasks! * 0.034 * percent!,
  sizes: { quick: { tasks: 24, percent: 2, seed: 1 }, full: { tasks: 24, percent: 50, seed: 1 } },
  curves: [{ id: 'gain', title: 'Speed-up', x: 'workers', y: 'x' }],
  runs: { quick: 1, full: 5 },
  note: 'The original says a gain of 3 to 5. One worker without any overhead is the 1; efficiency is the gain for each worker. A full run makes every task half as long, a quick one 50 times shorter: overhead then weighs 2 and 50 times as much.',
};
