import type { BenchCase, FigureSpec } from '../harness/case.ts';

const NAMES = ['chain', 'forkjoin', 'blast', 'epigenomics', 'montage', 'seismology', 'srasearch'];

const figuresOf = (name: string): FigureSpec[] => [
  { id: `heft-${name}`, title: `${name}: makespan over HEFT’s`, unit: 'x', better: 'lower' },
  { id: `graham-${name}`, title: `${name}: over Graham’s bound`, unit: 'x', better: 'lower' },
  { id: `path-${name}`, title: `${name}: over the critical path`, unit: 'x', better: 'lower' },
];

export const bench: BenchCase = {
  id: 'S8',
  title: 'Makespan of recorded workflows, on virtual time',
  measures:
    'makespan on a cluster of three nodes, over three others computed from the same graph: the critical path, Graham’s bound, and HEFT’s schedule on as many equal workers; both know every duration beforehand',
  payload: 'seven WfFormat traces of WfCommons, each task as long as it was recorded',
  durability: 'every step in the replicated log, in memory',
  verification:
    'every task done once, none before what it needs, and never more at once than there are workers',
  figures: [
    { id: 'heft-worst', title: 'over HEFT’s, worst trace', unit: 'x', better: 'lower' },
    { id: 'graham-worst', title: 'over Graham’s bound, worst trace', unit: 'x', better: 'lower' },
    { id: 'path-least', title: 'over the critical path, least', unit: 'x', better: 'higher' },
    ...NAMES.flatMap(figuresOf),
  ],
  targets: [
    {
      level: 'floor',
      figure: 'graham-worst',
      value: 1,
      noLimit: 'Graham’s bound holds of every schedule that leaves no worker idle: above it is a fault',
    },
    {
      level: 'floor',
      figure: 'path-least',
      value: 1,
      noLimit: 'no schedule is shorter than the critical path: below it is a fault',
    },
    { level: 'aim', figure: 'heft-worst', value: 1.05 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, virtual time',
      configuration: 'three nodes in one process on a virtual clock, eager, four tasks at once on each',
      requires: { data: 'wfformat' },
      load: async () => (await import('../subjects/tasks/traces.ts')).traces,
    },
  ],
  sizes: { quick: { perNode: 4, seed: 5 }, full: { perNode: 4, seed: 5 } },
  runs: { quick: 1, full: 5 },
  expectedS: () => 15,
  note: 'The seed decides the run, so one sample says it all. The traces are not part of the project: they are looked for in ../shared/data beside it, or where TUTTI_BENCH_DATA says.',
};
