import { logIndex, type NodeId, nodeId, seededRandom, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { Reads } from './reads.ts';
import { REPLICA_DEFAULTS } from './replica-options.ts';
import { ReplicaCluster } from './testing/replica-cluster.ts';

test('a read is answered only when the index that the leader named has been applied', () => {
  const reads = new Reads(new VirtualClock(), seededRandom(1), 1, REPLICA_DEFAULTS);
  const asked: number[] = [];
  const answers: unknown[] = [];
  for (let i = 0; i < 2; i++) reads.add(undefined, (failure, index) => answers.push(failure ?? index));
  reads.ask((requestId) => asked.push(requestId));
  expect(asked).toHaveLength(1);
  reads.confirmed({ requestId: asked[0]!, index: logIndex(5) });
  reads.applied(logIndex(4));
  expect(answers).toEqual([]);
  reads.applied(logIndex(6));
  expect(answers).toEqual([6, 6]);
  expect(reads.size).toBe(0);
});

test('a read whose question was lost is asked again under another id', () => {
  const reads = new Reads(new VirtualClock(), seededRandom(1), 1, REPLICA_DEFAULTS);
  const asked: number[] = [];
  reads.add(undefined, () => {});
  reads.ask((requestId) => asked.push(requestId));
  reads.lost(asked[0]!);
  reads.ask((requestId) => asked.push(requestId));
  expect(new Set(asked).size).toBe(2);
});

test('a leader whose own numbers allow a longer lease than those of its voters shows nothing stale', () => {
  const slow = nodeId('n1');
  const config = (id: NodeId) => ({ reads: 'lease', electionTicks: id === slow ? 20 : 6 }) as const;
  const cluster = new ReplicaCluster(3, config);
  cluster.startAll();
  const old = cluster.nodes.find(({ id }) => id === slow)!;
  const first = cluster.electLeader();
  if (first !== old) first.replica.transferLeadershipWith(slow, () => {});
  cluster.until('it leads', () => cluster.leader() === old);
  const before = cluster.propose(old, 'before');
  cluster.until('it is acknowledged', () => before.done);
  cluster.run(1_000);
  cluster.network.isolate(slow);
  const cutOffAt = cluster.clock.now();
  cluster.until('another leads', () => cluster.leader() !== old);
  const write = cluster.propose(cluster.electLeader(), 'after');
  cluster.until('it is acknowledged', () => write.done);
  expect(write.failure).toBeUndefined();
  // Its own numbers would allow it a lease of 18 ticks still.
  expect(cluster.clock.now() - cutOffAt).toBeLessThan(18 * 50 * 0.9);
  const stale = cluster.read(old);
  cluster.run(10);
  expect([old.replica.status().role, stale.done]).toEqual(['leader', false]);
});
