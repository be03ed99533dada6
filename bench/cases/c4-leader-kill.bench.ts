import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'C4',
  title: 'Raft: kill -9 of the leader to the next commit',
  measures:
    'milliseconds from the signal to the answer of a command that was proposed after it, on either other node',
  payload: '256 bytes',
  durability: 'written and flushed by fdatasync on a majority of three before each answer',
  verification:
    'the killed node is started again each time, and the next is killed when all see each other; at the end the three states are equal',
  figures: [
    { id: 'p50', title: 'gap, p50', unit: 'ms', better: 'lower', percentile: { of: 'gap', at: 0.5 } },
    { id: 'p99', title: 'gap, p99', unit: 'ms', better: 'lower', percentile: { of: 'gap', at: 0.99 } },
    { id: 'max', title: 'gap, longest', unit: 'ms', better: 'lower', percentile: { of: 'gap', at: 1 } },
  ],
  targets: [
    { level: 'floor', figure: 'p99', value: 1_000 },
    { level: 'aim', figure: 'p50', value: 300 },
    { level: 'aim', figure: 'p99', value: 600 },
  ],
  limits: [
    limitOf(
      'p99',
      { half: ['tutti', 'p50'], late: ['tutti', 'p99'], longest: ['tutti', 'max'] },
      ({ half, late, longest }) =>
        `The gap is ${milliseconds(half)} at the median. Of the p99 of ${milliseconds(late)}, up to 600 ms are the silence that a node waits for when nothing else tells it that its leader is gone; the other ${milliseconds(Math.max(0, late - 600))}, and ${milliseconds(Math.max(0, longest - 600))} of the longest, are what follows until the first commit of a new leader.`,
    ),
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti Raft',
      configuration: 'three processes, defaults: heartbeat 50 ms, election after 300 to 600 ms of silence',
      load: async () => (await import('../subjects/raft/tutti-raft.ts')).leaderKills,
    },
  ],
  expectedS: ({ kills }) => 3 + 1.3 * kills!,
  sizes: { quick: { kills: 3 }, full: { kills: 20 } },
  note: 'A full run kills 5 x 20 leaders and judges the percentiles of all hundred. A quick one kills 9.',
};
