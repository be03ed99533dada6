import type { BenchCase } from '../harness/case.ts';
import { limitOf } from '../harness/say.ts';
import { NEEDS_ERLANG } from '../subjects/erlang/subject.ts';

export const bench: BenchCase = {
  id: 'R8',
  title: 'Remote ask at a fixed offered load',
  measures:
    'latency from when an ask was due to its answer, open loop; limits and peers one trip after the other',
  payload: 'an event of 100 bytes in MessagePack; the answer is a number',
  durability: 'none',
  verification: 'every ask is answered and counted by the other process',
  figures: [
    { id: 'p50', title: 'round trip, p50', unit: 'us', better: 'lower', percentile: { of: 'trip', at: 0.5 } },
    {
      id: 'p99',
      title: 'round trip, p99',
      unit: 'us',
      better: 'lower',
      percentile: { of: 'trip', at: 0.99 },
    },
    {
      id: 'max',
      title: 'round trip, longest',
      unit: 'us',
      better: 'lower',
      percentile: { of: 'trip', at: 1 },
    },
    {
      id: 'wait',
      title: 'time that threads of both were ready and waited for a processor, in a millisecond',
      unit: 'us',
      better: 'lower',
    },
  ],
  targets: [
    { level: 'floor', figure: 'p99', value: 5, against: { subject: 'raw-ws', figure: 'p50' } },
    { level: 'aim', figure: 'p99', value: 200 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti ask across nodes',
      configuration: 'two nodes of one cluster, default limits, 10,000 asks a second whatever the answers do',
      load: async () => (await import('../subjects/wire/tutti-wire.ts')).roundTrip,
    },
    {
      id: 'raw-ws',
      kind: 'limit',
      title: 'ws echo',
      configuration: 'one frame of 100 bytes there and back, one after the other',
      load: async () => (await import('../subjects/wire/raw-wire.ts')).wsRoundTrip,
    },
    {
      id: 'ws-at-load',
      kind: 'limit',
      title: 'ws echo at the same load',
      configuration: 'one frame of 100 bytes there and back, 10,000 a second whatever comes back',
      load: async () => (await import('../subjects/wire/raw-wire.ts')).wsAtLoad,
    },
    {
      id: 'raw-tcp',
      kind: 'limit',
      title: 'TCP echo',
      configuration: '100 bytes there and back over node:net without delay, one after the other',
      load: async () => (await import('../subjects/wire/raw-wire.ts')).tcpRoundTrip,
    },
    {
      id: 'erlang',
      kind: 'peer',
      title: 'Erlang distribution',
      configuration: 'two erl nodes with their defaults on loopback; one after the other',
      requires: NEEDS_ERLANG,
      load: async () => (await import('../subjects/erlang/distribution.ts')).erlangDistribution('pingpong'),
    },
  ],
  runs: { quick: 2, full: 5 },
  sizes: {
    quick: { warmUpMs: 500, durationMs: 1_000, ratePerS: 10_000, trips: 3_000, erlangCount: 5_000 },
    full: { warmUpMs: 1_000, durationMs: 3_000, ratePerS: 10_000, trips: 15_000, erlangCount: 20_000 },
  },
  limits: [
    limitOf(
      'p99',
      {
        own: ['tutti', 'p99'],
        half: ['tutti', 'p50'],
        raw: ['raw-ws', 'p50'],
        loaded: ['ws-at-load', 'p99'],
        waited: ['tutti', 'wait'],
      },
      ({ own, half, raw, loaded, waited }) =>
        `One echo alone takes ${raw.toFixed(0)} us; a bare echo under this load, without actors, has a p99 of ${(loaded / 1_000).toFixed(2)} ms, and the floor is five times the echo alone, ${((5 * raw) / 1_000).toFixed(2)} ms. Here 10,000 a second are offered whatever happens, so a pause of either process of t ms delays 10 x t questions: a p99 of ${(own / 1_000).toFixed(2)} ms beside a median of ${half.toFixed(0)} us is pauses of that order. In each millisecond the threads of the two processes were ready to run and waited for a processor for ${waited.toFixed(0)} us.`,
    ),
  ],
};
