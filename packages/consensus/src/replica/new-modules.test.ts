import { expect, test } from 'vitest';
import { CounterModule, ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

const added = (cluster: ReplicaCluster, node: TestNode, add: string) =>
  cluster.proposeTo('added', node, { add, by: 1 });

/** Three nodes, of which some are started with a second module; what each life of a node has of it. */
function upgrading(upgraded: Set<string>) {
  const cluster = new ReplicaCluster(3);
  const modules = new Map<string, CounterModule>();
  cluster.modulesOf = (id) => {
    if (!upgraded.has(id)) return [];
    modules.set(id, new CounterModule('added'));
    return [modules.get(id)!];
  };
  cluster.startAll();
  const restart = (node: TestNode): void => {
    cluster.crash(node);
    cluster.run(10);
    upgraded.add(node.id);
    cluster.start(node);
    cluster.electLeader();
    cluster.run(1_000);
  };
  const histories = () => cluster.nodes.map(({ id }) => modules.get(id)?.history.join());
  return { cluster, restart, histories };
}

/** Makes this node lead. */
function lead(cluster: ReplicaCluster, node: TestNode): void {
  const leader = cluster.electLeader();
  if (leader === node) return;
  leader.replica.transferLeadershipWith(node.id, () => {});
  cluster.until('it leads', () => cluster.leader() === node);
  cluster.electLeader();
}

test('a command for a module that the leader does not have is refused by code, and stops no node', () => {
  const upgraded = new Set(['n3']);
  const { cluster, restart, histories } = upgrading(upgraded);
  const [first, , newest] = cluster.nodes;
  lead(cluster, first!);
  const early = added(cluster, newest!, 'early');
  cluster.until('it is answered', () => early.done, 1_000);
  expect(early.failure).toMatchObject({
    code: 'TUTTI_MODULE_UNKNOWN',
    details: { module: 'added', who: 'the leader n1' },
  });
  cluster.run(2_000);
  expect(cluster.nodes.map(({ failure }) => failure)).toEqual([undefined, undefined, undefined]);
  // What was forwarded along with it, and what comes later, is taken as ever.
  const [refused, taken] = [added(cluster, newest!, 'again'), cluster.propose(newest!, 'beside')];
  cluster.until('both are answered', () => refused.done && taken.done);
  expect([refused.failure !== undefined, taken.failure]).toEqual([true, undefined]);
  for (const node of cluster.nodes) if (!upgraded.has(node.id)) restart(node);
  const late = added(cluster, newest!, 'late');
  cluster.until('it is answered', () => late.done);
  cluster.run(1_000);
  expect(late.failure).toBeUndefined();
  expect(histories()).toEqual(['late', 'late', 'late']);
});

test('a node that meets a command for a module that it does not have stops, and goes on when it is started with it', () => {
  const upgraded = new Set(['n3']);
  const { cluster, histories } = upgrading(upgraded);
  const [, , newest] = cluster.nodes;
  lead(cluster, newest!);
  const early = added(cluster, newest!, 'early');
  cluster.until('it is answered', () => early.done);
  cluster.run(100);
  const others = cluster.nodes.filter((node) => node !== newest);
  for (const { failure } of others) expect(failure).toMatchObject({ code: 'TUTTI_MODULE_UNKNOWN' });
  for (const node of others) cluster.crash(node);
  for (const { id } of others) upgraded.add(id);
  for (const node of others) cluster.start(node);
  cluster.electLeader();
  const late = added(cluster, newest!, 'late');
  cluster.until('it is answered', () => late.done);
  cluster.run(1_000);
  expect(early.failure).toBeUndefined();
  expect(histories()).toEqual(['early,late', 'early,late', 'early,late']);
});
