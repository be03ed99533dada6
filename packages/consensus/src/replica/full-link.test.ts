import { expect, test } from 'vitest';
import { ReplicaCluster } from './testing/replica-cluster.ts';
import { messageFromWire } from './wire.ts';

test('a follower whose link is full is tried at the pace of heartbeats, and then gets everything, each entry once', () => {
  const cluster = new ReplicaCluster(3);
  cluster.startAll();
  const leader = cluster.electLeader();
  const [slow, other] = cluster.followers();
  const warm = [leader, other!].map((node) => cluster.propose(node, 'warm'));
  cluster.until('there are sessions', () => warm.every(({ done }) => done));
  let isFull = true;
  let attempts = 0;
  cluster.network.isFull = (from, to, lane) => {
    const isIt = from === leader.id && to === slow!.id && lane === 'bulk';
    if (isIt) attempts++;
    return isIt && isFull;
  };
  let refusals = 0;
  const entries = new Map<number, number>();
  cluster.network.drops = (from, to, value) => {
    const message = messageFromWire(value, from, to);
    if (message?.type === 'appendReply' && !message.success) refusals++;
    if (message?.type === 'appendEntries' && to === slow!.id)
      for (const { index } of message.entries) entries.set(index, (entries.get(index) ?? 0) + 1);
    return false;
  };
  const calls = Array.from({ length: 100 }, (_, i) => {
    cluster.run(10);
    return cluster.propose(i % 2 === 0 ? leader : other!, `k${i}`);
  });
  cluster.until('the others agree without it', () => calls.every(({ done }) => done));
  // A second of commands, and a tick of 50 ms lies between two heartbeats.
  expect(attempts).toBeLessThanOrEqual(1_050 / 50 + 2);
  expect(calls.filter(({ failure }) => failure)).toEqual([]);
  isFull = false;
  const freedAt = cluster.clock.now();
  cluster.until('it has them too', () => slow!.counter.history.length === 102);
  expect(cluster.clock.now() - freedAt).toBeLessThan(150);
  expect(refusals).toBe(0);
  expect(Math.max(...entries.values())).toBe(1);
});
