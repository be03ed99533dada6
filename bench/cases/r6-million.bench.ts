import type { BenchCase, FigureSpec, Target } from '../harness/case.ts';
import { eachNs, limitOf } from '../harness/say.ts';

const figuresOf = (kind: string): FigureSpec[] => [
  {
    id: `${kind}-bytes`,
    title: `resident memory per ${kind}, the node included`,
    unit: 'bytes',
    better: 'lower',
  },
  { id: `${kind}-growth`, title: `growth per ${kind}`, unit: 'bytes', better: 'lower' },
  {
    id: `${kind}-used-bytes`,
    title: `memory per ${kind} after each has had a message`,
    unit: 'bytes',
    better: 'lower',
  },
  { id: `${kind}-rss`, title: `resident memory of all, ${kind}s`, unit: 'bytes', better: 'lower' },
  { id: `${kind}-sweep`, title: `time to reach each once, ${kind}s`, unit: 'ms', better: 'lower' },
  { id: `${kind}-spawn`, title: `${kind}s spawned and started`, unit: 'actors/s', better: 'higher' },
  { id: `${kind}-reach`, title: `${kind}s reached by address`, unit: 'actors/s', better: 'higher' },
];

/** A million in 5 s and in 3 s, as rates, so that the quick size is judged by the same line. */
const targetsOf = (kind: string, bytesFloor: number, bytesAim: number): Target[] => [
  { level: 'floor', figure: `${kind}-bytes`, value: bytesFloor },
  { level: 'aim', figure: `${kind}-bytes`, value: bytesAim },
  { level: 'floor', figure: `${kind}-spawn`, value: 1e6 / 5 },
  { level: 'floor', figure: `${kind}-reach`, value: 1e6 / 3 },
];

export const bench: BenchCase = {
  id: 'R6',
  title: 'A million live actors in one node, each addressable',
  measures:
    'the resident set of the whole process by live actors after a collection, when all have started and again when each has had a message; rates of spawning and of reaching each once',
  payload: 'one shared event object; actors are found by address, no refs are kept',
  durability: 'none',
  verification:
    'as many messages are handled as there are addresses that one was sent to; all actors are alive at the end',
  figures: [...figuresOf('reducer'), ...figuresOf('machine')],
  targets: [...targetsOf('reducer', 600, 300), ...targetsOf('machine', 900, 500)],
  subjects: [
    {
      id: 'tutti-reducers',
      kind: 'ours',
      title: 'Tutti reducers',
      configuration: 'defaults',
      figures: figuresOf('reducer').map(({ id }) => id),
      load: async () => (await import('../subjects/actors/many-actors.ts')).manyReducers,
    },
    {
      id: 'tutti-machines',
      kind: 'ours',
      title: 'Tutti machines',
      configuration: 'defaults',
      figures: figuresOf('machine').map(({ id }) => id),
      load: async () => (await import('../subjects/actors/many-actors.ts')).manyMachines,
    },
    {
      id: 'xstate',
      kind: 'peer',
      title: 'XState createActor',
      configuration: 'createActor(machine).start(), kept in an array: it has no addresses',
      requires: { module: 'xstate' },
      load: async () => (await import('../subjects/actors/xstate-actors.ts')).manyMachines,
    },
  ],
  limits: [
    ...(['reducer', 'machine'] as const).map((kind) =>
      limitOf(
        `${kind}-spawn`,
        { rate: [`tutti-${kind}s`, `${kind}-spawn`], growth: [`tutti-${kind}s`, `${kind}-growth`] },
        ({ rate, growth }) =>
          `An actor is spawned and started in ${eachNs(rate)}, in which it gets ${growth.toFixed(0)} bytes that stay: a collector copies what stays.`,
      ),
    ),
    limitOf(
      'reducer-reach',
      { rate: ['tutti-reducers', 'reducer-reach'], used: ['tutti-reducers', 'reducer-used-bytes'] },
      ({ rate, used }) =>
        `To reach an actor by its address takes ${eachNs(rate)}, each time another one, of ${used.toFixed(0)} bytes: a million of them are as many megabytes, which no cache of a processor holds.`,
    ),

    limitOf(
      'machine-reach',
      {
        machine: ['tutti-machines', 'machine-reach'],
        reducer: ['tutti-reducers', 'reducer-reach'],
        growth: ['tutti-machines', 'machine-growth'],
        used: ['tutti-machines', 'machine-used-bytes'],
      },
      ({ machine, reducer, growth, used }) =>
        `To reach an actor by its address costs ${eachNs(reducer)} with a reducer: an address is made and its name looked up among all the others, and neither the table nor the actor is in a cache of the processor. A machine takes ${eachNs(machine)}: XState's step, and its first snapshot of its own, after which it holds ${used.toFixed(0)} bytes where it had ${growth.toFixed(0)}. The profile shows what of it is the collector's, which copies what survives, and what the look-up's.`,
    ),
    ...(['reducer', 'machine'] as const).map((kind) =>
      limitOf(
        `${kind}-bytes`,
        {
          all: [`tutti-${kind}s`, `${kind}-bytes`],
          growth: [`tutti-${kind}s`, `${kind}-growth`],
          rss: [`tutti-${kind}s`, `${kind}-rss`],
        },
        ({ all, growth, rss }) =>
          `An actor adds ${growth.toFixed(0)} bytes; the process without any is ${((rss * (1 - growth / all)) / 1e6).toFixed(0)} MB, which is shared by all of them.`,
      ),
    ),
  ],
  sizes: { quick: { actors: 100_000 }, full: { actors: 1_000_000 } },
  note: 'Quick runs make 100,000 actors: the empty node is then shared by a tenth as many, and the bytes of each are higher by that.',
};
