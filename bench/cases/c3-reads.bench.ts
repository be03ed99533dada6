import type { BenchCase } from '../harness/case.ts';
import { eachNs, limitOf } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'C3',
  title: 'Raft: linearizable reads by ReadIndex',
  measures:
    'read barriers per second beside writes per second, the same closed-loop clients in the leader’s process; behind a barrier a read is a look at the own memory, which is not counted',
  payload: 'none; the writes carry 256 bytes',
  durability: 'a read writes nothing; it is confirmed by a majority',
  verification:
    'every read is answered; the writes before them are in all three states; at the end the leader’s followers are stopped, and then it answers no read',
  figures: [
    { id: 'reads', title: 'reads', unit: '/s', better: 'higher' },
    { id: 'writes', title: 'writes', unit: '/s', better: 'higher' },
    { id: 'p99', title: 'read, p99', unit: 'ms', better: 'lower', percentile: { of: 'read', at: 0.99 } },
    {
      id: 'max',
      title: 'read, longest',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'read', at: 1 },
    },
  ],
  targets: [
    { level: 'floor', figure: 'reads', value: 3, against: { subject: 'tutti', figure: 'writes' } },
    { level: 'aim', figure: 'reads', value: 5, against: { subject: 'tutti', figure: 'writes' } },
  ],
  limits: [
    limitOf(
      'reads',
      { reads: ['tutti', 'reads'], writes: ['tutti', 'writes'] },
      ({ reads, writes }) =>
        `One round among three processes confirms every read that waits for it, so a read costs ${eachNs(reads)} of it where a write costs ${eachNs(writes)}: what separates them is an entry in three logs and its flush. The profile says where the rest of a read goes.`,
    ),
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti Raft',
      configuration: 'three processes, loopback WebSockets, defaults',
      load: async () => (await import('../subjects/raft/tutti-raft.ts')).reads,
    },
  ],
  sizes: {
    quick: { heatMs: 200, warmUpMs: 100, durationMs: 500, clients: 256 },
    full: { heatMs: 4_000, warmUpMs: 500, durationMs: 1_500, clients: 256 },
  },
};
