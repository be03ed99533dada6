import type { BenchCase } from '../harness/case.ts';
import { eachNs, limitOf } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'C5',
  title: 'Raft core alone, in memory, 64 clients',
  measures:
    'entries per second committed and applied by three cores in one process that hand each other objects',
  payload: '256 bytes',
  durability: 'none: arrays',
  verification:
    'the leader’s commit index has moved by what was proposed; it has applied all of it, and the others all but at most the last round',
  figures: [{ id: 'rate', title: 'core', unit: 'commits/s', better: 'higher' }],
  targets: [
    { level: 'floor', figure: 'rate', value: 400_000 },
    { level: 'aim', figure: 'rate', value: 1e6 },
  ],
  limits: [
    limitOf(
      'rate',
      { own: ['tutti', 'rate'] },
      ({ own }) =>
        `One thread plays all three voters: ${eachNs(own)} for an entry are ${(1e9 / own / 3).toFixed(0)} ns on each, to append, acknowledge, commit and apply it. The profile says where.`,
    ),
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti Raft core',
      configuration: 'RaftNode with the smallest driver there is, three voters',
      load: async () => (await import('../subjects/raft/core-alone.ts')).coreAlone,
    },
  ],
  sizes: {
    quick: { warmUpMs: 200, durationMs: 500, clients: 64 },
    full: { warmUpMs: 500, durationMs: 1_500, clients: 64 },
  },
};
