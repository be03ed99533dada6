import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';

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
    {
      level: 'floor',
      figure: 'lost',
      value: 0,
      noLimit: 'an addition that is lost is a fault, whatever the machine',
    },
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
  runs: { quick: 1, full: 5 },
  sizes: { quick: { stops: 1, entities: 60 }, full: { stops: 2, entities: 100 } },
  expectedS: ({ stops }) => 4 + stops! * 4,
  limits: [
    limitOf(
      'pause-p99',
      { half: ['tutti', 'pause-p50'], p99: ['tutti', 'pause-p99'] },
      ({ half, p99 }) =>
        `A shard's move is two entries of the log, move and released, and the first message to the new owner. The shards of the stopping node move 32 at a time, and an entity waits for its own lot: ${milliseconds(half)} at the median and ${milliseconds(p99)} at the end. Each lot costs at least two commits, whose latency C2 measures.`,
    ),
  ],
};
