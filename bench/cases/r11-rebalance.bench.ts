import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'R11',
  title: 'Rebalance after a node joins, and what an entity costs',
  measures:
    'milliseconds from the start of a third node’s process to every node having more than half of its share, and nothing moving; growth of the two resident sets per entity',
  payload: 'entities that hold one number',
  durability: 'every entity’s state is in the replicated log, flushed on a majority of three',
  verification: 'entities asked afterwards have what they counted, and a share of them lives on the new node',
  figures: [
    { id: 'rebalance', title: 'each has half of its share and nothing moves', unit: 'ms', better: 'lower' },
    { id: 'rebalance-rate', title: 'entities given away', unit: 'entities/s', better: 'higher' },
    {
      id: 'entity-bytes',
      title: 'memory per entity, on both nodes together',
      unit: 'bytes',
      better: 'lower',
    },
    { id: 'fill', title: 'made and answered for the first time', unit: 'entities/s', better: 'higher' },
  ],
  targets: [],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti entities',
      configuration:
        'two of three voters, then the third, with nothing on its disk; defaults: 256 shards, 32 moved at a time',
      load: async () => (await import('../subjects/cluster/entities.ts')).rebalance,
    },
  ],
  sizes: { quick: { entities: 5_000 }, full: { entities: 100_000 } },
  runs: { quick: 1, full: 5 },
  isProfiled: false,
  expectedS: ({ entities }) => 5 + entities! / 2_500,
  note: 'Nobody publishes either figure, so there is no line to reach. The memory is that of the live entities and of their stored states on both nodes.',
};
