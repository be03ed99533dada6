import type { BenchCase } from '../harness/case.ts';
import { NEEDS_ERLANG } from '../subjects/erlang/subject.ts';

export const bench: BenchCase = {
  id: 'R13',
  title: 'A topic with 10,000 subscribers',
  measures:
    'from publish to the last delivery, one event at a time; deliveries per second with ten events under way',
  payload: 'one shared event object',
  durability: 'none',
  verification: 'every subscriber is asked for its own count at the end, which must be the number of events',
  figures: [
    { id: 'rate', title: 'deliveries', unit: 'msg/s', better: 'higher' },
    {
      id: 'p50',
      title: 'publish to the last delivery, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'last', at: 0.5 },
    },
    {
      id: 'p99',
      title: 'publish to the last delivery, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'last', at: 0.99 },
    },
  ],
  targets: [],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti topic and reducers',
      configuration: 'defaults: one node, topic.publish, a subscriber counts as slow with 10,000 waiting',
      load: async () => (await import('../subjects/actors/tutti-broadcast.ts')).topic,
    },
    {
      id: 'mailboxes',
      kind: 'limit',
      title: 'A loop over an array of mailboxes',
      configuration:
        'push to each ring; one setImmediate later a loop empties each; no subscription, no actor',
      load: async () => (await import('../subjects/actors/broadcast.ts')).mailboxes,
    },
    {
      id: 'emitter',
      kind: 'limit',
      title: 'Node EventEmitter',
      configuration:
        "10,000 listeners, run on the publisher's stack: no mailbox, and one that throws stops the rest",
      load: async () => (await import('../subjects/actors/broadcast.ts')).emitter,
    },
    {
      id: 'effect',
      kind: 'peer',
      title: 'effect PubSub',
      configuration: 'PubSub.unbounded, one fiber per subscription that takes for ever',
      requires: { module: 'effect' },
      load: async () => (await import('../subjects/actors/effect-actors.ts')).broadcast,
    },
    {
      id: 'erlang',
      kind: 'peer',
      title: 'Erlang pg',
      configuration:
        'a process group of one node; a send to each of pg:get_local_members, on as many schedulers as there are cores. Rate only',
      requires: NEEDS_ERLANG,
      load: async () => (await import('../subjects/erlang/actors.ts')).erlangBroadcast,
    },
  ],
  runs: { quick: 2, full: 5 },
  sizes: {
    quick: { subscribers: 10_000, events: 100, warmUpMs: 200, durationMs: 500 },
    full: { subscribers: 10_000, events: 500, warmUpMs: 500, durationMs: 2_000 },
  },
};
