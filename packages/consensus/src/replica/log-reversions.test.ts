import { expect, test } from 'vitest';
import { ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

/** Ends a node, and starts it with a log that ends before this entry: nothing says that there was more. */
function forget(cluster: ReplicaCluster, node: TestNode, from: number): void {
  cluster.crash(node);
  cluster.run(10);
  node.store.lose({ endFrom: from });
  node.store.open(() => {});
  node.store.repair({ kind: 'whole', hardState: undefined }, () => {});
  node.store.close(() => {});
  cluster.run(10);
  cluster.start(node);
}

/** A group whose members all have some commands on their disks. */
function agreed(): { cluster: ReplicaCluster; leader: TestNode; follower: TestNode; other: TestNode } {
  const cluster = new ReplicaCluster(3);
  cluster.startAll();
  const leader = cluster.electLeader();
  for (let i = 0; i < 5; i++) cluster.propose(leader, `k${i}`);
  cluster.until('all have applied', () => cluster.nodes.every(({ counter }) => counter.history.length === 5));
  cluster.run(300);
  const [follower, other] = cluster.followers();
  return { cluster, leader, follower: follower!, other: other! };
}

test('a follower whose disk forgot what it had acknowledged is brought up again by the same leader', () => {
  const { cluster, leader, follower } = agreed();
  const { term, lastIndex } = leader.replica.status();
  forget(cluster, follower, lastIndex);
  // Nobody proposes anything: the signs of life tell.
  cluster.until('it has everything', () => follower.replica.status().appliedIndex === lastIndex, 3_000);
  expect(leader.replica.status()).toMatchObject({ role: 'leader', term });
  expect(leader.replica.stats().reversions).toBe(1);
  const read = cluster.read(follower);
  cluster.until('it answers reads', () => read.done, 3_000);
  expect(read.failure).toBeUndefined();
});

test('two of three go on though one of them forgot everything that it had acknowledged', () => {
  const { cluster, leader, follower, other } = agreed();
  const { term } = leader.replica.status();
  forget(cluster, follower, 1);
  cluster.crash(other);
  const call = cluster.propose(leader, 'after');
  cluster.until('it is committed', () => call.done, 5_000);
  expect(call.failure).toBeUndefined();
  expect(leader.replica.status()).toMatchObject({ role: 'leader', term });
  cluster.until('both have it', () => follower.counter.history.at(-1) === 'after', 3_000);
  expect(follower.counter.history).toEqual(leader.counter.history);
  expect(leader.replica.stats().reversions).toBe(1);
});
