import type { BenchCase } from '../harness/case.ts';
import { limitOf } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'S5',
  title: 'A graph of 100,000 tasks: validated, levelled, its circle reported with the path',
  measures: 'milliseconds for checkPlan of a fresh plan, once',
  payload: '100,000 tasks that each need three earlier ones',
  durability: 'none',
  verification:
    'each task is one level above the highest that it needs; with the first and the last needing each other, that circle is named',
  figures: [
    { id: 'valid', title: 'a valid graph', unit: 'ms', better: 'lower' },
    { id: 'cyclic', title: 'one with a circle', unit: 'ms', better: 'lower' },
  ],
  targets: [
    { level: 'floor', figure: 'valid', value: 300 },
    { level: 'aim', figure: 'valid', value: 100 },
    { level: 'floor', figure: 'cyclic', value: 300 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti checkPlan',
      configuration: 'as submit does it',
      load: async () => (await import('../subjects/tasks/graphs.ts')).validateGraph,
    },
  ],
  limits: ['valid', 'cyclic'].map((figure) =>
    limitOf(
      figure,
      { valid: ['tutti', 'valid'], cyclic: ['tutti', 'cyclic'] },
      ({ valid, cyclic }) =>
        `It is done once, by code that has checked a plan of 1,000 tasks before: ${((valid * 1e6) / 100_000).toFixed(0)} ns a task for the passes over it and its three needs (names, needs, levels, slack), and ${((cyclic * 1e6) / 100_000).toFixed(0)} ns where the search for the circle ends it earlier.`,
    ),
  ),
  sizes: { quick: { tasks: 100_000 }, full: { tasks: 100_000 } },
};
