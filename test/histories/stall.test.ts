import {
  checkLinearizable,
  describeVerdict,
  HistoryRecorder,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
} from '@tutti/consensus/linearizability';
import { seededRandom } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { Clients } from './clients.ts';
import { after, FiveNodes, NAMES } from './five-nodes.ts';

const PATIENCE_MS = 120_000;
const STALL_MS = 3_000;
/** Longer than any wait of this machine, so that only the stall can cost an election. */
const ELECTION_TICKS = 20;
const KEYS = 3;

async function highestTerm(cluster: FiveNodes, among: readonly string[]): Promise<number> {
  const statuses = await Promise.all(among.map((name) => cluster.status(name)));
  return Math.max(...statuses.map((status) => status?.term ?? 0));
}

/** Blocks `victim` under load, and says what clients saw and how many terms began. */
async function stall(reads: 'quorum' | 'lease', who: 'leader' | 'follower') {
  const cluster = await FiveNodes.start({ seed: 3, replica: { reads, electionTicks: ELECTION_TICKS } });
  try {
    const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
    const clients = new Clients(cluster, recorder, KEYS);
    const random = seededRandom(3);
    const working = Array.from({ length: 8 }, (_, i) => clients.run(`c${i}`, random.fork(`client ${i}`)));
    expect(await clients.answered(100, 30_000)).toBe(true);
    const leader = (await cluster.leader())!;
    const victim = who === 'leader' ? leader : NAMES.find((name) => name !== leader)!;
    const before = await highestTerm(cluster, NAMES);
    const blocked = cluster.block(victim, STALL_MS);
    // What is asked of it now waits in its sockets, and is the first thing it sees when it goes on.
    for (let i = 0; i < 20; i++) {
      const key = `k${(i % KEYS) + 1}`;
      working.push(clients.operate(`reader ${i}`, victim, { op: 'read', key }).then(() => {}));
      await after(STALL_MS / 25);
    }
    await blocked;
    const recovered = await clients.answered(100, 30_000);
    clients.stop();
    await Promise.all(working);
    for (const [i, name] of NAMES.entries())
      for (let key = 1; key <= KEYS; key++) {
        const input = { op: 'read', key: `k${key}` } as const;
        while ((await clients.operate(`last ${i} ${key}`, name, input)).kind !== 'returned');
      }
    const verdict = checkLinearizable(recorder.operations(), registerModel);
    return { recovered, verdict, termsBegun: (await highestTerm(cluster, NAMES)) - before };
  } finally {
    await cluster.end();
  }
}

for (const reads of ['lease', 'quorum'] as const) {
  test(
    `a leader whose main thread is blocked for 3 s answers no stale read and loses no write (${reads} reads)`,
    async () => {
      const { recovered, verdict, termsBegun } = await stall(reads, 'leader');
      expect(verdict.verdict, describeVerdict(verdict, registerModel)).toBe('linearizable');
      expect(recovered).toBe(true);
      // The others must elect one, perhaps after a split vote; the old leader must not stir them up on waking.
      expect(termsBegun).toBeGreaterThanOrEqual(1);
      expect(termsBegun).toBeLessThanOrEqual(3);
    },
    PATIENCE_MS,
  );
}

test(
  'a follower whose main thread is blocked for 3 s hears the leader before it judges it, and begins no term',
  async () => {
    const { recovered, verdict, termsBegun } = await stall('lease', 'follower');
    expect(verdict.verdict, describeVerdict(verdict, registerModel)).toBe('linearizable');
    expect([recovered, termsBegun]).toEqual([true, 0]);
  },
  PATIENCE_MS,
);
