import { isTuttiError, type NodeId, type WireValue } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { type Call, ReplicaCluster } from './testing/replica-cluster.ts';
import { messageFromWire } from './wire.ts';

const codeOf = ({ failure }: Call): unknown => (isTuttiError(failure) ? failure.code : failure);

const isAppend = (from: NodeId, to: NodeId, message: WireValue): boolean =>
  messageFromWire(message, from, to)?.type === 'appendEntries';

/** A leader that is heard and whose entries get nowhere, so that it commits nothing in its term. */
function ledInVain() {
  const cluster = new ReplicaCluster(3);
  cluster.network.drops = isAppend;
  cluster.startAll();
  cluster.until('somebody leads', () => cluster.leader() !== undefined);
  const leader = cluster.leader()!;
  const [asker, other] = cluster.followers();
  cluster.until('it is known', () => asker!.replica.status().leader === leader.id);
  return { cluster, leader, asker: asker!, other: other! };
}

test('a change that a known leader could not begin in time is told so, and has come to nothing, wherever it was asked for', () => {
  const { cluster, leader, asker, other } = ledInVain();
  const calls = [leader, asker].map((node) =>
    cluster.change(node, { type: 'remove', node: other.id }, 2_500),
  );
  cluster.run(3_000);
  expect(calls.map(codeOf)).toEqual(['TUTTI_OVERLOADED', 'TUTTI_OVERLOADED']);
  expect(calls.map(({ failure }) => failure?.message.includes(`the leader ${leader.id}`))).toEqual([
    true,
    true,
  ]);
});

test('a change that was asked for where nobody leads is told that none is known', () => {
  const cluster = new ReplicaCluster(3);
  cluster.startAll();
  cluster.electLeader();
  const [asker, other] = cluster.followers();
  cluster.network.isolate(asker!.id);
  cluster.until('it knows of none', () => asker!.replica.status().leader === undefined);
  const call = cluster.change(asker!, { type: 'remove', node: other!.id }, 1_000);
  cluster.until('it is given up', () => call.done);
  expect(codeOf(call)).toBe('TUTTI_NO_LEADER');
});

test('a change that could not be begun at first is asked for again, and carried out once', () => {
  const { cluster, asker, other } = ledInVain();
  const call = cluster.change(asker, { type: 'remove', node: other.id }, 8_000);
  cluster.run(2_500);
  expect(call.done).toBe(false);
  cluster.network.drops = () => false;
  cluster.until('it is done', () => call.done);
  expect(call.failure).toBeUndefined();
  expect(asker.replica.status().membership.voters).not.toContain(other.id);
});

test('a change that was begun and whose end is not known has an unknown outcome', () => {
  const cluster = new ReplicaCluster(3);
  cluster.startAll();
  const leader = cluster.electLeader();
  cluster.run(500);
  cluster.network.drops = isAppend;
  const call = cluster.change(leader, { type: 'remove', node: cluster.followers()[0]!.id }, 2_000);
  cluster.run(2_500);
  expect(codeOf(call)).toBe('TUTTI_OUTCOME_UNKNOWN');
});

test('a command that never left is given up as soon as nobody leads, and one that left only when its time is up', () => {
  const cluster = new ReplicaCluster(3);
  cluster.startAll();
  const leader = cluster.electLeader();
  const [asker] = cluster.followers();
  const warm = [asker!, leader].map((node) => cluster.propose(node, 'warm'));
  cluster.until('both have a session', () => warm.every(({ done }) => done));
  for (const node of [asker!, leader]) cluster.network.isolate(node.id);
  const before = cluster.clock.now();
  const [stayed, left] = [cluster.propose(asker!, 'stayed'), cluster.propose(leader, 'left')];
  cluster.until('the first is given up', () => stayed.done);
  expect(codeOf(stayed)).toBe('TUTTI_NO_LEADER');
  // An election timeout until it knows of no leader, and the wait for another.
  expect(cluster.clock.now() - before).toBeLessThan(5_000);
  expect(left.done).toBe(false);
  cluster.until('the second is given up', () => left.done);
  expect(codeOf(left)).toBe('TUTTI_OUTCOME_UNKNOWN');
  expect(cluster.clock.now() - before).toBeGreaterThanOrEqual(10_000);
});

test('a learner whose leader is gone says that none is known, and refuses calls at once', () => {
  const cluster = new ReplicaCluster(3, {}, 1);
  cluster.startAll();
  cluster.electLeader();
  cluster.run(500);
  const learner = cluster.nodes.find((node) => node.replica.status().role === 'learner')!;
  for (const node of cluster.nodes) if (node !== learner) cluster.crash(node);
  cluster.run(10_000);
  expect(learner.replica.status().leader).toBeUndefined();
  expect(codeOf(cluster.propose(learner, 'x'))).toBe('TUTTI_NO_LEADER');
});

test('a command that a known leader took none of in time is told so, and was not sent', () => {
  const cluster = new ReplicaCluster(3, { backlogMax: 2 });
  cluster.startAll();
  const leader = cluster.electLeader();
  const [asker] = cluster.followers();
  const warm = [leader, asker!].map((node) => cluster.propose(node, 'warm'));
  cluster.until('both have a session', () => warm.every(({ done }) => done));
  cluster.network.drops = isAppend;
  cluster.network.isFull = (from, _to, lane) => from === asker!.id && lane === 'bulk';
  const calls = [0, 1, 2, 3].map((i) => cluster.propose(leader, `at the leader ${i}`, 1, 100));
  calls.push(cluster.propose(asker!, 'over a link that is full', 1, 100));
  cluster.run(200);
  expect(leader.replica.status().leader).toBe(leader.id);
  expect(calls.map(codeOf)).toEqual([
    'TUTTI_OUTCOME_UNKNOWN',
    'TUTTI_OUTCOME_UNKNOWN',
    'TUTTI_OVERLOADED',
    'TUTTI_OVERLOADED',
    'TUTTI_OVERLOADED',
  ]);
  cluster.network.drops = () => false;
  cluster.network.isFull = () => false;
  cluster.run(2_000);
  expect(leader.counter.history).toEqual(['warm', 'warm', 'at the leader 0', 'at the leader 1']);
});
