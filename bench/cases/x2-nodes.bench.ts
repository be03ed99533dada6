import type { BenchCase } from '../harness/case.ts';

const VOTERS = [1, 3, 5, 7];

export const bench: BenchCase = {
  id: 'X2',
  title: 'Commits per second by number of voters',
  measures: 'commits per second with 64 closed-loop clients in the leader’s process, on 1, 3, 5 and 7 voters',
  payload: '256 bytes',
  durability: 'written and flushed by fdatasync on a majority before each answer',
  verification: 'the state of each voter holds every acknowledged command, and the same number',
  figures: VOTERS.map((count) => ({
    id: `rate-${count}`,
    title: `${count} voters`,
    unit: 'commits/s',
    better: 'higher',
  })),
  targets: [],
  curves: [
    { id: 'rate', title: 'Commits by voters', x: 'voters', y: 'commits/s' },
    {
      id: 'cost',
      title: 'Time of one commit by voters',
      x: 'voters',
      y: 'us',
      logarithmic: true,
      statedSlope: 1,
    },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti Raft',
      configuration: 'a process for each voter, loopback WebSockets, defaults',
      load: async () => (await import('../subjects/raft/sweeps.ts')).byVoters(VOTERS),
    },
  ],
  sizes: {
    quick: { heatMs: 100, warmUpMs: 150, durationMs: 300 },
    full: { heatMs: 1_500, warmUpMs: 300, durationMs: 800 },
  },
  runs: { quick: 1, full: 5 },
  isProfiled: false,
  expectedS: ({ heatMs, warmUpMs, durationMs }) => 4 * (2.5 + (heatMs! + warmUpMs! + durationMs!) / 1_000),
  note: 'All voters share this machine’s cores and its one disk, so this shows what each further copy costs here, and less what it costs on machines of their own: where one machine does the work of all voters, the time of one commit can grow as their number, which is the stated 1.',
};
