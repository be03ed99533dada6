import type { BenchCase } from '../harness/case.ts';
import { eachNs, limitOf } from '../harness/say.ts';
import { ERLANG_CONFIGURATION, NEEDS_ERLANG } from '../subjects/erlang/subject.ts';

export const bench: BenchCase = {
  id: 'R1',
  title: 'Local one-way send, reducer logic, one thread',
  measures: 'messages per second from the first send to the last one handled, one sender and one receiver',
  payload: 'one shared event object with a type and nothing else',
  durability: 'none',
  verification: 'the receiver counts in its own state; the count must equal what was sent',
  figures: [{ id: 'rate', title: 'one-way sends', unit: 'msg/s', better: 'higher' }],
  targets: [
    { level: 'floor', figure: 'rate', value: 2, against: { subject: 'erlang' } },
    { level: 'floor', figure: 'rate', value: 15, against: { subject: 'nact' } },
    { level: 'aim', figure: 'rate', value: 30e6 },
    { level: 'aim', figure: 'rate', value: 1 / 3, against: { subject: 'bare-cell' } },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti reducer',
      configuration: 'defaults: mailbox of 2^20, quantum 64, supervised',
      load: async () => (await import('../subjects/actors/tutti-actors.ts')).oneWayReducer,
    },
    {
      id: 'quantum-1',
      kind: 'ablation',
      title: 'Without a quantum',
      configuration: 'limits.quantum 1: a cell goes back into the run queue after every message',
      load: async () =>
        (await import('../subjects/actors/tutti-actors.ts')).oneWayReducerWith({ quantum: 1 }),
    },
    {
      id: 'short-turns',
      kind: 'ablation',
      title: 'With nine messages in a turn of the event loop',
      configuration:
        'limits.quantum 1 and turnMs 0.000001: the first look at the clock comes after eight messages, and the turn is over with the next',
      load: async () =>
        (await import('../subjects/actors/tutti-actors.ts')).oneWayReducerWith({ quantum: 1, turnMs: 1e-6 }),
    },
    {
      id: 'array-queue',
      kind: 'limit',
      title: 'Plain array queue',
      configuration: 'push into an array, then one loop over it',
      load: async () => (await import('../subjects/actors/bare-loop.ts')).arrayQueue,
    },
    {
      id: 'bare-cell',
      kind: 'limit',
      title: 'Bare cell loop',
      configuration:
        'ring mailbox, run queue, one setImmediate per turn; no supervision, no bounds, no snapshots',
      load: async () => (await import('../subjects/actors/bare-loop.ts')).oneWay,
    },
    {
      id: 'erlang',
      kind: 'peer',
      title: 'Erlang processes',
      configuration: `${ERLANG_CONFIGURATION}; 10,000 sends, then a reply is waited for, as with the others`,
      requires: NEEDS_ERLANG,
      load: async () => (await import('../subjects/erlang/actors.ts')).erlangActors('oneway'),
    },
    {
      id: 'nact',
      kind: 'peer',
      title: 'nact',
      configuration: 'defaults: start(), spawn with a state function, dispatch',
      requires: { module: 'nact' },
      load: async () => (await import('../subjects/actors/nact-actors.ts')).oneWay,
    },
    {
      id: 'effect',
      kind: 'peer',
      title: 'effect, queue and fiber',
      configuration:
        'Queue.unbounded and a fiber that takes from it for ever, offerUnsafe to send; no supervision, no address',
      requires: { module: 'effect' },
      load: async () => (await import('../subjects/actors/effect-actors.ts')).oneWay,
    },
    {
      id: 'xstate',
      kind: 'peer',
      title: 'XState fromTransition',
      configuration:
        'createActor(fromTransition(...)).start(); a send runs on the sender’s stack, without a hop',
      requires: { module: 'xstate' },
      load: async () => (await import('../subjects/actors/xstate-actors.ts')).oneWayReducer,
    },
  ],
  runs: { quick: 2, full: 5 },
  sizes: {
    quick: { warmUpMs: 150, durationMs: 300, batch: 10_000, erlangCount: 1_000_000 },
    full: { warmUpMs: 400, durationMs: 1_000, batch: 10_000, erlangCount: 4_000_000 },
  },
  limits: [
    limitOf(
      'rate',
      { own: ['tutti', 'rate'], bare: ['bare-cell', 'rate'], turn: ['short-turns', 'rate'] },
      ({ own, bare, turn }) =>
        `A ring, a run queue and one hop of the loop for each batch take ${eachNs(bare)} a message here; ours takes ${eachNs(own)}, with a bound on the mailbox, a supervised step, a snapshot that is replaced only when it succeeded, and a count of everything that was not delivered. With nine messages to a turn of the loop it takes ${eachNs(turn)}.`,
    ),
  ],
};
