import type { BenchCase } from '../harness/case.ts';
import { eachNs, limitOf } from '../harness/say.ts';
import { ERLANG_CONFIGURATION, NEEDS_ERLANG } from '../subjects/erlang/subject.ts';

export const bench: BenchCase = {
  id: 'R3',
  title: 'Ping-pong between two local actors',
  measures: 'round trips per second, one ball',
  payload: 'a fresh event with a type and a number',
  durability: 'none',
  verification: 'every touch of the ball is counted',
  figures: [{ id: 'rate', title: 'round trips', unit: '/s', better: 'higher' }],
  targets: [
    { level: 'floor', figure: 'rate', value: 1, against: { subject: 'erlang' } },
    { level: 'aim', figure: 'rate', value: 2, against: { subject: 'erlang' } },
    { level: 'aim', figure: 'rate', value: 1 / 3, against: { subject: 'bare-cell' } },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti reducers',
      configuration: 'defaults',
      load: async () => (await import('../subjects/actors/tutti-actors.ts')).pingPong,
    },
    {
      id: 'bare-cell',
      kind: 'limit',
      title: 'Bare cell loop',
      configuration: 'ring mailbox, run queue, one setImmediate per turn of up to 4,096 cells',
      load: async () => (await import('../subjects/actors/bare-loop.ts')).pingPong,
    },
    {
      id: 'erlang',
      kind: 'peer',
      title: 'Erlang processes',
      configuration: ERLANG_CONFIGURATION,
      requires: NEEDS_ERLANG,
      load: async () => (await import('../subjects/erlang/actors.ts')).erlangActors('pingpong'),
    },
    {
      id: 'effect',
      kind: 'peer',
      title: 'effect, queue and fiber',
      configuration:
        'Queue.unbounded and a fiber that takes from it for ever, offerUnsafe to send; no supervision, no address',
      requires: { module: 'effect' },
      load: async () => (await import('../subjects/actors/effect-actors.ts')).pingPong,
    },
    {
      id: 'nact',
      kind: 'peer',
      title: 'nact',
      configuration: 'defaults: start(), spawn with a state function, dispatch',
      requires: { module: 'nact' },
      load: async () => (await import('../subjects/actors/nact-actors.ts')).pingPong,
    },
  ],
  sizes: {
    quick: { warmUpMs: 150, durationMs: 300, batch: 5_000, erlangCount: 500_000 },
    full: { warmUpMs: 500, durationMs: 1_200, batch: 5_000, erlangCount: 2_500_000 },
  },
  limits: [
    limitOf(
      'rate',
      { own: ['tutti', 'rate'], bare: ['bare-cell', 'rate'] },
      ({ own, bare }) =>
        `With one ball there is never a batch: each touch is a ready cell, a turn of the run queue, and a step. Bare cells take ${eachNs(bare)} for the two touches of a round trip, ours ${eachNs(own)}.`,
    ),
  ],
};
