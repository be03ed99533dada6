import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'X1',
  title: 'Costs by number of live actors',
  measures:
    'microseconds to spawn one and to send one a message, and bytes of heap for each, at 1,000 to 1,000,000 actors that are all alive; the figures are those at the largest number',
  payload: 'one shared event object; the sends go round all actors',
  durability: 'none',
  verification: 'the receivers count every message',
  figures: [
    { id: 'spawn', title: 'spawn', unit: 'us', better: 'lower' },
    { id: 'send', title: 'send and handle', unit: 'us', better: 'lower' },
    { id: 'bytes', title: 'heap of one actor', unit: 'bytes', better: 'lower' },
  ],
  targets: [],
  curves: [
    { id: 'spawn', title: 'Spawning one', x: 'actors', y: 'us', logarithmic: true, statedSlope: 0 },
    { id: 'send', title: 'One message', x: 'actors', y: 'us', logarithmic: true, statedSlope: 0 },
    { id: 'memory', title: 'Heap of one actor', x: 'actors', y: 'bytes', logarithmic: true, statedSlope: 0 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti reducers',
      configuration: 'defaults, under the guardian',
      load: async () => (await import('../subjects/actors/many-sends.ts')).tuttiActors,
    },
    {
      id: 'xstate',
      kind: 'peer',
      title: 'XState fromTransition',
      configuration: 'createActor(logic).start(), kept in an array; a send runs on the sender’s stack',
      requires: { module: 'xstate' },
      load: async () => (await import('../subjects/actors/many-sends.ts')).xstateActors,
    },
  ],
  sizes: { quick: { exponentMax: 5, peerExponentMax: 4 }, full: { exponentMax: 6, peerExponentMax: 5 } },
  runs: { quick: 2, full: 5 },
  isProfiled: false,
  expectedS: ({ exponentMax }) => 10 ** (exponentMax! - 6) * 12 + 3,
  note: 'Beyond what the caches of the processor hold, reaching an actor costs a trip to memory: the lines bend there, for everybody. The peer stops at a tenth of ours, where it takes as long.',
};
