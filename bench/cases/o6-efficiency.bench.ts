import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'O6',
  title: 'Useful work over makespan times workers',
  measures: 'the same three graphs in waves and eagerly on four workers',
  payload: 'tasks that let an exponentially drawn time pass',
  durability: 'none',
  verification: 'every task is done, once, by the board’s own record, and no sooner than their times allow',
  figures: [
    { id: 'chains-wave', title: 'chains, in waves', unit: '', better: 'higher' },
    { id: 'chains-eager', title: 'chains, eager', unit: '', better: 'higher' },
    { id: 'chains-gain', title: 'chains, gain', unit: '', better: 'higher' },
    { id: 'layers-wave', title: 'layers, in waves', unit: '', better: 'higher' },
    { id: 'layers-eager', title: 'layers, eager', unit: '', better: 'higher' },
    { id: 'layers-gain', title: 'layers, gain', unit: '', better: 'higher' },
    { id: 'random-wave', title: 'random, in waves', unit: '', better: 'higher' },
    { id: 'random-eager', title: 'random, eager', unit: '', better: 'higher' },
    { id: 'random-gain', title: 'random, gain', unit: '', better: 'higher' },
  ],
  targets: [
    { level: 'aim', figure: 'chains-gain', value: 1.5 },
    { level: 'aim', figure: 'layers-gain', value: 1.5 },
    { level: 'aim', figure: 'random-gain', value: 1.5 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, volatile',
      configuration: 'createNode() without a folder; four tasks at once',
      load: async () => (await import('../subjects/headline/efficiency.ts')).efficiency,
    },
  ],
  isProfiled: false,
  sizes: { quick: { size: 24, meanMs: 20, seed: 1 }, full: { size: 48, meanMs: 100, seed: 1 } },
  note: 'The original says 50 % better; this is whatever it is, by family.',
};
