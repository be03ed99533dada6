import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'C6',
  title: 'Raft: a snapshot of a large state',
  measures:
    'the longest that the event loop of the leader is held up while it takes a snapshot and sends it, and of the receiver while it takes the snapshot in and restores it; a timer of 1 ms, that millisecond included',
  payload:
    'keys with texts of 1,000 bytes; 100 MB when quick, 1 GB in a full run; one more command every 10 ms',
  durability: 'the snapshot is flushed and named on both disks; every command flushed on a majority',
  verification: 'the receiver had nothing; at the end it has every key, and the values of the leader',
  figures: [
    { id: 'leader-stall', title: 'leader, longest stall', unit: 'ms', better: 'lower' },
    { id: 'receiver-stall', title: 'receiver, longest stall', unit: 'ms', better: 'lower' },
    { id: 'leader-work', title: 'leader, longest work at once', unit: 'ms', better: 'lower' },
    { id: 'receiver-work', title: 'receiver, longest work at once', unit: 'ms', better: 'lower' },
    { id: 'leader-collection', title: 'leader, longest collection of garbage', unit: 'ms', better: 'lower' },
    {
      id: 'receiver-collection',
      title: 'receiver, longest collection of garbage',
      unit: 'ms',
      better: 'lower',
    },
    { id: 'leader-p99', title: 'leader, p99', unit: 'ms', better: 'lower' },
    { id: 'receiver-p99', title: 'receiver, p99', unit: 'ms', better: 'lower' },
    { id: 'taken', title: 'first write to snapshot stored', unit: 'ms', better: 'lower' },
    { id: 'sent', title: 'receiver started to snapshot installed', unit: 'ms', better: 'lower' },
    { id: 'receiver-memory', title: 'receiver, most memory', unit: 'MB', better: 'lower' },
  ],
  targets: [
    { level: 'floor', figure: 'leader-stall', value: 50 },
    { level: 'aim', figure: 'leader-stall', value: 10 },
    { level: 'floor', figure: 'receiver-stall', value: 50 },
    { level: 'aim', figure: 'receiver-stall', value: 10 },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti Raft',
      configuration: 'three processes, SnapshotableMap, defaults: 2 ms of a turn, 64 MiB/s',
      load: async () => (await import('../subjects/raft/large-state.ts')).largeState,
    },
    {
      id: 'whole-turns',
      kind: 'ablation',
      title: 'Without slices',
      configuration: 'snapshotBudgetMs 1000: chunks of 3 MiB, each encoded and decoded in one turn',
      load: async () => {
        const { largeState } = await import('../subjects/raft/large-state.ts');
        const config = { snapshotBudgetMs: 1_000, snapshotChunkBytes: 3 * 2 ** 20, snapshotWindowBytes: 1 };
        return (sizes) => largeState(sizes, config);
      },
    },
  ],
  expectedS: ({ entries }) => 8 + entries! / 25_000,
  sizes: {
    quick: { entries: 100_000, valueBytes: 1_000, everyMs: 10 },
    full: { entries: 1_000_000, valueBytes: 1_000, everyMs: 10 },
  },
  runs: { quick: 1, full: 5 },
  limits: (['leader', 'receiver'] as const).map((who) =>
    limitOf(
      `${who}-stall`,
      {
        stall: ['tutti', `${who}-stall`],
        work: ['tutti', `${who}-work`],
        collection: ['tutti', `${who}-collection`],
        unsliced: ['whole-turns', `${who}-work`],
        late: ['tutti', `${who}-p99`],
        unslicedLate: ['whole-turns', `${who}-p99`],
      },
      ({ stall, work, collection, unsliced, late, unslicedLate }) =>
        `The longest collection of a heap with that many live texts took ${milliseconds(collection)} by the clock, in which the thread also waits, for V8’s other threads and for a processor. Of the processor’s own time the longest work between two visits of the timer took ${milliseconds(work)}, collections included, and without slices ${milliseconds(unsliced)}; the p99 of all waits is ${milliseconds(late)}, and without slices ${milliseconds(unslicedLate)}. The longest wait was ${milliseconds(stall)}: for at least ${milliseconds(Math.max(0, stall - work))} of it the thread did not run.`,
    ),
  ),
  note: 'Work at once is processor time of the thread between two visits of the timer: a stall without the time that others had the processor.',
};
