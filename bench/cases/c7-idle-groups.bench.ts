import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'C7',
  title: 'Many Raft groups that have nothing to do',
  measures: 'what a node spends in a second on all of its groups, once they are quiet',
  payload: 'none',
  durability: 'none: stores in memory',
  verification:
    'every group has committed on all three nodes when counting begins, nineteen of twenty are quiet on each of them (some are always awake, since each is looked after once a minute), and a command to every hundredth is carried out afterwards',
  figures: [
    { id: 'timers', title: 'timers of the groups that go off, per node', unit: '/s', better: 'lower' },
    { id: 'messages', title: 'messages sent, per node', unit: '/s', better: 'lower' },
    { id: 'bytes', title: 'bytes sent, per node', unit: 'B/s', better: 'lower' },
    { id: 'processor', title: 'processor time, per node', unit: 'ms/s', better: 'lower' },
    { id: 'memory', title: 'heap for one group on one node', unit: 'kB', better: 'lower' },
  ],
  targets: [],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, quiet groups',
      configuration: 'three nodes in one process on virtual time, ReplicaGroups with its defaults',
      load: async () => (await import('../subjects/raft/idle-groups.ts')).quietGroups,
    },
    {
      id: 'awake',
      kind: 'ablation',
      title: 'the same, and groups never go quiet',
      configuration: 'quietAfterMs: Infinity, a tenth of the groups',
      load: async () => (await import('../subjects/raft/idle-groups.ts')).wakefulGroups,
    },
  ],
  sizes: { quick: { groups: 500, seconds: 10 }, full: { groups: 10_000, seconds: 60 } },
  expectedS: ({ groups }) => 5 + groups! / 50,
  runs: { quick: 1, full: 5 },
  note: 'Counts are of virtual seconds, so they repeat exactly; times and memory are of this machine.',
};
