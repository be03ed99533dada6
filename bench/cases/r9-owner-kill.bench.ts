import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'R9',
  title: 'kill -9 of a node to the first answer of its entities',
  measures:
    'milliseconds from the signal to an answer for a question that was asked after it: of the first of the node’s entities, and of each',
  payload: 'an event with a type; the answer is a number and a name',
  durability: 'an entity’s state is in the replicated log, flushed on a majority of three, before it answers',
  verification: 'each entity answers with exactly what it had counted before',
  figures: [
    {
      id: 'first-p50',
      title: 'first entity, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'first', at: 0.5 },
    },
    {
      id: 'first-p99',
      title: 'first entity, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'first', at: 0.99 },
    },
    {
      id: 'each-p50',
      title: 'each entity, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'all', at: 0.5 },
    },
    {
      id: 'each-p99',
      title: 'each entity, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'all', at: 0.99 },
    },
  ],
  targets: [
    { level: 'floor', figure: 'each-p99', value: 2_000 },
    { level: 'aim', figure: 'each-p99', value: 1_000 },
  ],
  limits: [
    limitOf(
      'each-p99',
      { first: ['tutti', 'first-p50'], half: ['tutti', 'each-p50'], late: ['tutti', 'each-p99'] },
      ({ first, half, late }) =>
        `600 ms of silence before a suspicion, a lease of 300 ms that has to run out, and a question that is repeated every 250 ms are up to 1,150 ms before any work. The first entity answers after ${milliseconds(first)} at the median, each after ${milliseconds(half)}; beyond those 1,150 ms the p99 has ${milliseconds(Math.max(0, late - 1_150))}.`,
    ),
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti entities',
      configuration:
        'three processes on loopback, defaults: 256 shards, leases of 300 ms, 600 ms of silence before a suspicion; questions repeated every 250 ms',
      load: async () => (await import('../subjects/cluster/entities.ts')).ownerKilled,
    },
  ],
  runs: { quick: 1, full: 5 },
  sizes: { quick: { kills: 2, entities: 60 }, full: { kills: 4, entities: 100 } },
  expectedS: ({ kills }) => 4 + kills! * 3,
  note: 'Questions that are under way when the node dies are lost or asked again by whoever asked; these here are asked again. The victims are the two nodes that do not ask, in turn; one of them may be the consensus leader, which costs an election on top. A full run kills 20 times, so the p99 of the first entity is the longest of 20; each kill is felt by some thirty entities. An entity whose shard was on its way elsewhere when the node died answers sooner than one that has to be found dead.',
};
