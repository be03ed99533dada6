import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'R14',
  title: 'A router that hands on by key, over 10 and over 10,000 routees',
  measures:
    'messages handled per second through one router with the strategy consistent-hash, and what becomes of keys when a routee leaves',
  payload: 'events with one of 65,536 keys each',
  durability: 'none',
  verification:
    'every message is handled once, and each key by one routee alone; after one routee has left no key of another has moved',
  figures: [
    { id: 'few', title: 'messages by key, 10 routees', unit: 'msg/s', better: 'higher' },
    { id: 'many', title: 'messages by key, 10,000 routees', unit: 'msg/s', better: 'higher' },
    { id: 'lookups', title: 'look-ups of a key alone, 10,000 routees', unit: 'keys/s', better: 'higher' },
    { id: 'moved', title: 'keys that move when one of 10 leaves', unit: '%', better: 'lower' },
    { id: 'fullest', title: 'keys of the fullest of 10, its share being 100', unit: '%', better: 'lower' },
  ],
  targets: [],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti router, hash ring',
      configuration: 'createRouter with a group of reducers, defaults; the ring alone for the look-ups',
      load: async () => (await import('../subjects/actors/by-key.ts')).throughRouter,
    },
    {
      id: 'each',
      kind: 'ablation',
      title: 'without the ring',
      configuration: 'rendezvous hashing: for each key a hash with the name of each routee. Look-ups only',
      figures: ['lookups', 'moved', 'fullest'],
      load: async () => (await import('../subjects/actors/by-key.ts')).rendezvous,
    },
  ],
  sizes: {
    quick: { few: 10, many: 10_000, messages: 200_000, lookups: 200_000, scans: 100 },
    full: { few: 10, many: 10_000, messages: 1_000_000, lookups: 2_000_000, scans: 1_000 },
  },
};
