import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'R10',
  title: 'Planned hand-over of a node’s shards',
  measures:
    'for each entity of a node that stops in the planned way, the longest time that one ask of it took around the move',
  payload: 'an event with a type; the answer is a number and a name',
  durability: 'an entity’s state is in the replicated log, flushed on a majority of three, before it answers',
  verification: 'each entity has counted every addition that was acknowledged',
  figures: [
    {
      id: 'pause-p50',
      title: 'pause, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'pause', at: 0.5 },
    },
    {
      id: 'pause-p99',
      title: 'pause, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'pause', at: 0.99 },
    },
    { id: 'lost', title: 'acknowledged and lost', unit: 'additions', better: 'lower' },
  ],
  targets: [
    { level: 'floor', figure: 'pause-p99', value: 100 },
    { level: 'floor', figure: 'lost', value: 0 },
    { level: 'aim', figure: 'pause-p99', value: 20 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti entities',
      configuration:
        'three processes on loopback, defaults; each entity asked again as soon as it has answered; all shards of the node move, 32 at a time',
      load: async () => (await import('../subjects/cluster/entities.ts')).ownerStopped,
    },
  ],
  sizes: { quick: { stops: 1, entities: 60 }, full: { stops: 2, entities: 100 } },
  isProfiled: false,
  expectedS: ({ stops }) => 4 + stops! * 4,
};
