import type { BenchCase } from '../harness/case.ts';
import { limitOf, perSecond } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'R4',
  title: 'Ask of a local actor',
  measures: 'microseconds from ask to answer: one at a time, and the time each takes when many are under way',
  payload: 'one shared event object; the answer is a number',
  durability: 'none',
  verification: 'each answer is the next number',
  figures: [
    {
      id: 'p50',
      title: 'one at a time, p50',
      unit: 'us',
      better: 'lower',
      percentile: { of: 'ask', at: 0.5 },
    },
    {
      id: 'p99',
      title: 'one at a time, p99',
      unit: 'us',
      better: 'lower',
      percentile: { of: 'ask', at: 0.99 },
    },
    {
      id: 'max',
      title: 'one at a time, longest',
      unit: 'us',
      better: 'lower',
      percentile: { of: 'ask', at: 1 },
    },
    { id: 'together', title: 'each of 1,000 under way', unit: 'us', better: 'lower' },
  ],
  targets: [
    { level: 'floor', figure: 'p50', value: 1.5 },
    { level: 'aim', figure: 'p50', value: 0.8 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti reducer with replying()',
      configuration: 'defaults; the asker is outside of the actor system and waits for a promise',
      load: async () => (await import('../subjects/actors/tutti-actors.ts')).ask,
    },
    {
      id: 'hop',
      kind: 'limit',
      title: 'One setImmediate and one promise',
      configuration:
        'await new Promise((resolve) => setImmediate(resolve)): the hop that a send never running the receiver costs',
      load: async () => (await import('../subjects/actors/hop.ts')).hop,
    },
  ],
  sizes: {
    quick: { warmUpMs: 200, asks: 20_000, inFlight: 1_000 },
    full: { warmUpMs: 500, asks: 300_000, inFlight: 1_000 },
  },
  limits: [
    limitOf(
      'p50',
      { own: ['tutti', 'p50'], hop: ['hop', 'p50'], together: ['tutti', 'together'] },
      ({ own, hop, together }) =>
        `One setImmediate and one promise, without any actor, take ${hop.toFixed(2)} us at the median here; an ask alone takes ${own.toFixed(2)} us, so ${(own - hop).toFixed(2)} us are ours. With a thousand under way the hop is shared and each takes ${together.toFixed(2)} us, which is ${perSecond(1e6 / together)}.`,
    ),
  ],
};
