import type { BenchCase } from '../harness/case.ts';
import { eachNs, limitOf } from '../harness/say.ts';
import { NEEDS_ERLANG } from '../subjects/erlang/subject.ts';

export const bench: BenchCase = {
  id: 'R7',
  title: 'Remote one-way send between two processes, one link',
  measures: 'messages per second that arrive, with a bounded number under way; loopback',
  payload: 'an event of 100 bytes in MessagePack',
  durability: 'none',
  verification: 'the receiver’s count is asked for at the end and must equal what was sent',
  figures: [{ id: 'rate', title: 'remote one-way sends', unit: 'msg/s', better: 'higher' }],
  targets: [
    { level: 'floor', figure: 'rate', value: 0.6e6 },
    { level: 'floor', figure: 'rate', value: 2, against: { subject: 'erlang' } },
    { level: 'aim', figure: 'rate', value: 0.7, against: { subject: 'raw-ws' } },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti refs across nodes',
      configuration:
        'two nodes of one cluster, authenticated links, default limits; from ref.send to a reducer',
      load: async () => (await import('../subjects/wire/tutti-wire.ts')).oneWay,
    },
    {
      id: 'transport-alone',
      kind: 'ablation',
      title: 'Tutti’s transport without actors',
      configuration: 'transport.send to a handler, default limits',
      load: async () => (await import('../subjects/wire/tutti-transport.ts')).transportOneWay({}),
    },
    {
      id: 'without-batching',
      kind: 'ablation',
      title: 'Tutti’s transport with one message a frame',
      configuration: 'transport.send to a handler, batchBytes 1',
      load: async () =>
        (await import('../subjects/wire/tutti-transport.ts')).transportOneWay({ batchBytes: 1 }),
    },
    {
      id: 'raw-ws',
      kind: 'limit',
      title: 'ws and msgpackr in batches',
      configuration:
        'ws without compression, msgpackr with records, 256 messages a frame; no addressing, no bounds, no handshake',
      load: async () => (await import('../subjects/wire/raw-wire.ts')).oneWay,
    },
    {
      id: 'erlang',
      kind: 'peer',
      title: 'Erlang distribution',
      configuration: 'two erl nodes with their defaults on loopback, epmd; a binary of 100 bytes',
      requires: NEEDS_ERLANG,
      load: async () => (await import('../subjects/erlang/distribution.ts')).erlangDistribution('oneway'),
    },
  ],
  runs: { quick: 2, full: 5 },
  sizes: {
    quick: { warmUpMs: 200, durationMs: 500, window: 20_000, erlangCount: 200_000 },
    full: { warmUpMs: 500, durationMs: 1_500, window: 20_000, erlangCount: 500_000 },
  },
  limits: [
    limitOf(
      'rate',
      { own: ['tutti', 'rate'], raw: ['raw-ws', 'rate'], transport: ['transport-alone', 'rate'] },
      ({ own, raw, transport }) =>
        `Frames of 256 messages, packed and unpacked and nothing else, take ${eachNs(raw)} a message on this machine. The transport alone takes ${eachNs(transport)}: a length and a channel for each message, bounds, a check of what came before it is decoded. From ref to reducer it is ${eachNs(own)}: the address, the incarnation, the mailbox.`,
    ),
  ],
};
