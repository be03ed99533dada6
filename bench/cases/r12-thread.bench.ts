import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'R12',
  title: 'Ask of an actor in a thread',
  measures: 'microseconds from ask to answer: one at a time, and the time each takes when many are under way',
  payload: 'one shared event object; the answer is a number. The bare port carries 256 bytes each way',
  durability: 'none',
  verification: 'each answer is the next number; of the bare port, every message comes back whole',
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
    { id: 'together', title: 'each of 1,000 under way', unit: 'us', better: 'lower' },
  ],
  targets: [],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, threaded()',
      configuration: 'one thread, the other numbers at their defaults: 64 messages of an actor in its thread',
      load: async () => (await import('../subjects/actors/tutti-threads.ts')).askInThread,
    },
    {
      id: 'port',
      kind: 'limit',
      title: 'Bare message port',
      configuration: "a worker of Node's that posts back what it is posted, without actors",
      load: async () => (await import('../subjects/actors/bare-port.ts')).barePort,
    },
  ],
  sizes: {
    quick: { warmUpMs: 200, asks: 3_000, inFlight: 1_000, bytes: 256 },
    full: { warmUpMs: 500, asks: 30_000, inFlight: 1_000, bytes: 256 },
  },
};
