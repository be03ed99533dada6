import { expect, test } from 'vitest';
import { ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

const INSTALL_SNAPSHOT = 9;
const compacting = { snapshotEntries: 20, trailingEntries: 5, snapshotChunkBytes: 300 };

function fill(cluster: ReplicaCluster, node: TestNode, count: number): void {
  const calls = Array.from({ length: count }, (_, i) => cluster.propose(node, `fill${i}`));
  cluster.until('the log is filled', () => calls.every((call) => call.done));
  for (const call of calls) expect(call.failure).toBeUndefined();
}

test('a transfer that broke off keeps nobody from taking snapshots, once the log has brought what it was to bring', () => {
  const cluster = new ReplicaCluster(3, (id) => (id === 'n3' ? { snapshotEntries: 1e6 } : compacting));
  cluster.startAll();
  const keeper = cluster.nodes[2]!;
  cluster.network.isolate(keeper.id);
  const leader = cluster.electLeader();
  const absent = cluster.nodes.find((node) => node !== leader && node !== keeper)!;
  cluster.network.heal();
  fill(cluster, leader, 1);
  cluster.crash(absent);
  for (let i = 0; i < 5; i++) fill(cluster, leader, 25);
  let chunks = 0;
  cluster.network.drops = (_from, _to, message) =>
    (message as number[])[0] === INSTALL_SNAPSHOT && ++chunks > 1;
  cluster.start(absent);
  cluster.until('the transfer broke off', () => chunks > 2);
  cluster.crash(leader);
  cluster.until('the log has brought it', () => absent.counter.history.length === 126);
  expect(absent.replica.stats().snapshotsInstalled).toBe(0);
  for (let i = 0; i < 3; i++) fill(cluster, keeper, 25);
  cluster.until('it has them too', () => absent.counter.history.length === 201);
  cluster.run(100);
  expect(absent.replica.stats().snapshotsTaken).toBeGreaterThan(0);
  expect(absent.store.firstIndex).toBeGreaterThan(1);
});

test('a follower that dies during a transfer does not keep its leader from taking snapshots', () => {
  const cluster = new ReplicaCluster(3, compacting);
  cluster.startAll();
  const leader = cluster.electLeader();
  const [absent, other] = cluster.followers();
  cluster.crash(absent!);
  for (let i = 0; i < 5; i++) fill(cluster, leader, 25);
  let chunks = 0;
  cluster.network.drops = (_from, _to, message) =>
    (message as number[])[0] === INSTALL_SNAPSHOT && ++chunks > 1;
  cluster.start(absent!);
  cluster.until('the transfer is under way', () => chunks > 1);
  cluster.crash(absent!);
  const before = leader.replica.status().snapshotIndex;
  fill(cluster, leader, 100);
  cluster.run(30_000);
  fill(cluster, leader, 25);
  cluster.run(1_000);
  expect(leader.replica.status().snapshotIndex).toBeGreaterThan(before);
  cluster.network.drops = () => false;
  cluster.start(absent!);
  cluster.until('it is brought up later', () => absent!.counter.history.length === 250);
  expect(absent!.counter.history).toEqual(other!.counter.history);
});
