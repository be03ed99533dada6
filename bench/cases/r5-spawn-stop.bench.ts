import type { BenchCase } from '../harness/case.ts';
import { eachNs, limitOf } from '../harness/say.ts';
import { ERLANG_CONFIGURATION, NEEDS_ERLANG } from '../subjects/erlang/subject.ts';

export const bench: BenchCase = {
  id: 'R5',
  title: 'Spawn to stop',
  measures: 'actors per second that are spawned, started, asked to stop and gone, in batches',
  payload: 'none',
  durability: 'none',
  verification: 'every stop is answered and no actor is left',
  figures: [
    { id: 'reducer', title: 'reducers', unit: 'actors/s', better: 'higher' },
    { id: 'machine', title: 'machines', unit: 'actors/s', better: 'higher' },
  ],
  targets: [
    { level: 'floor', figure: 'reducer', value: 0.9e6 },
    { level: 'aim', figure: 'reducer', value: 3e6 },
    { level: 'floor', figure: 'machine', value: 0.4e6 },
    { level: 'aim', figure: 'machine', value: 1e6 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti',
      configuration: 'defaults, under the guardian; each stop is awaited',
      load: async () => (await import('../subjects/actors/tutti-actors.ts')).spawnStop,
    },
    {
      id: 'bare-cell',
      kind: 'limit',
      title: 'Bare cells in a map',
      configuration: 'a cell and an entry in a map, then the entry deleted; nothing is started',
      load: async () => (await import('../subjects/actors/bare-loop.ts')).spawnStop,
    },
    {
      id: 'erlang',
      kind: 'peer',
      title: 'Erlang processes',
      configuration: `${ERLANG_CONFIGURATION}; spawn_monitor, a stop message, the DOWN notice`,
      requires: NEEDS_ERLANG,
      load: async () => (await import('../subjects/erlang/actors.ts')).erlangActors('spawn'),
    },
    {
      id: 'nact',
      kind: 'peer',
      title: 'nact',
      configuration: 'defaults; spawn, then stop',
      requires: { module: 'nact' },
      load: async () => (await import('../subjects/actors/nact-actors.ts')).spawnStop,
    },
    {
      id: 'effect',
      kind: 'peer',
      title: 'effect, queue and fiber',
      configuration: 'a queue and a fiber that waits on it, then interrupted and awaited',
      requires: { module: 'effect' },
      load: async () => (await import('../subjects/actors/effect-actors.ts')).spawnStop,
    },
    {
      id: 'xstate',
      kind: 'peer',
      title: 'XState createActor',
      configuration: 'createActor(logic).start(), then stop()',
      requires: { module: 'xstate' },
      load: async () => (await import('../subjects/actors/xstate-actors.ts')).spawnStop,
    },
  ],
  runs: { quick: 2, full: 5 },
  sizes: {
    quick: { warmUpMs: 150, durationMs: 300, batch: 1_000, erlangCount: 100_000 },
    full: { warmUpMs: 400, durationMs: 1_000, batch: 1_000, erlangCount: 400_000 },
  },
  limits: [
    limitOf(
      'machine',
      { machine: ['tutti', 'machine'], reducer: ['tutti', 'reducer'] },
      ({ machine, reducer }) =>
        `A life with a machine takes ${eachNs(machine)}, with a reducer ${eachNs(reducer)}. Both have an address, a place under their parent, a start, a stop that is a message, and an end that is told to whoever waits for it; the profile says what is left for the machine.`,
    ),

    limitOf(
      'reducer',
      { own: ['tutti', 'reducer'], bare: ['bare-cell', 'reducer'] },
      ({ own, bare }) =>
        `A cell and an entry in a map, deleted again, take ${eachNs(bare)}. A life here takes ${eachNs(own)}: an address, a place under its parent, a start, a stop that is a message, the end told to whoever waits for it, which is a promise.`,
    ),
  ],
};
