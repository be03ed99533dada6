import type { BenchCase } from '../harness/case.ts';

const GROWTH = 'a cost that grows faster than this is another algorithm, whatever the machine';

export const bench: BenchCase = {
  id: 'O7',
  title: 'How costs grow',
  measures:
    'the slope of the logarithms of cost and number, from 1,000 up to 1,000,000 (100,000 when quick, and for plans): 0 does not grow, 1 grows with it, 2 with its square',
  payload: 'one shared event',
  durability: 'none',
  verification: 'as many messages are handled as were sent',
  figures: [
    { id: 'register', title: 'register an actor under a name, slope', unit: '', better: 'lower' },
    { id: 'route', title: 'route a message by address, slope', unit: '', better: 'lower' },
    { id: 'state', title: 'memory of n actors, slope', unit: '', better: 'lower' },
    { id: 'validate', title: 'check a chain of n tasks, slope', unit: '', better: 'lower' },
  ],
  targets: [
    { level: 'floor', figure: 'register', value: 0.5, noLimit: GROWTH },
    { level: 'floor', figure: 'route', value: 0.5, noLimit: GROWTH },
    { level: 'floor', figure: 'state', value: 1.1, noLimit: GROWTH },
    { level: 'floor', figure: 'validate', value: 1.3, noLimit: GROWTH },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti',
      configuration: 'defaults',
      load: async () => (await import('../subjects/headline/scaling.ts')).scaling,
    },
  ],
  runs: { quick: 2, full: 5 },
  sizes: { quick: { exponentMax: 5 }, full: { exponentMax: 6 } },
  curves: [
    {
      id: 'register',
      title: 'Registering one actor',
      x: 'actors',
      y: 'us',
      logarithmic: true,
      statedSlope: 0,
    },
    { id: 'route', title: 'Routing one message', x: 'actors', y: 'us', logarithmic: true, statedSlope: 0 },
    { id: 'state', title: 'Heap of all actors', x: 'actors', y: 'bytes', logarithmic: true, statedSlope: 1 },
    { id: 'validate', title: 'Checking a chain', x: 'tasks', y: 'ms', logarithmic: true, statedSlope: 1 },
  ],
  note: 'The original promises memory of O(log n) for n agents. That cannot be: n states need memory in proportion to n, and this shows it. What can be logarithmic or constant is the cost of reaching one. There is no telemetry stream yet, and so no line for one.',
};
