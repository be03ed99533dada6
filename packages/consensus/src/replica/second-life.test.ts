import { nodeId, type WireValue } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { MembershipChange } from '../raft/membership-change.ts';
import { ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

const READ_INDEX_REPLY = 8;

/** A cluster each of whose nodes has in every life the incarnation and the seed that it had in its first. */
function alike(): ReplicaCluster {
  const cluster = new ReplicaCluster(3);
  cluster.livesAlike = true;
  return cluster;
}

test.each([
  ['before it has applied what an earlier life logged', 10],
  ['after that', 3_000],
])('the first command of a life is applied, proposed %s', (_when, waitMs) => {
  const cluster = alike();
  for (let life = 1; life <= 3; life++) {
    cluster.startAll();
    cluster.run(waitMs);
    const calls = cluster.nodes.map((node) => cluster.propose(node, 'x'));
    cluster.until('all are answered', () => calls.every(({ done }) => done));
    const results = calls.map(({ result }) => Number(result)).sort((a, b) => a - b);
    expect(results).toEqual([3 * life - 2, 3 * life - 1, 3 * life]);
    cluster.run(500);
    for (const node of cluster.nodes) {
      expect(node.counter.counts).toEqual({ x: 3 * life });
      cluster.crash(node);
    }
    cluster.run(100);
  }
});

test('the first change of the members of a life is carried out', () => {
  const cluster = alike();
  cluster.startAll();
  const leader = cluster.electLeader();
  const [asker] = cluster.followers() as [TestNode];
  const change = (what: MembershipChange): void => {
    const call = cluster.change(asker, what);
    cluster.until('it has ended', () => call.done);
    expect(call.failure).toBeUndefined();
  };
  cluster.add('n4');
  change({ type: 'addLearner', member: { node: nodeId('n4') }, promote: false });
  expect(leader.replica.status().membership.learners).toEqual(['n4']);
  cluster.crash(asker);
  cluster.run(100);
  cluster.start(asker);
  cluster.run(1_000);
  change({ type: 'remove', node: nodeId('n4') });
  expect(leader.replica.status().membership.learners).toEqual([]);
});

test('a read is not confirmed by an answer to the first read of an earlier life', () => {
  const cluster = alike();
  cluster.startAll();
  const leader = cluster.electLeader();
  const [reader] = cluster.followers() as [TestNode];
  cluster.run(500);
  const answers: WireValue[] = [];
  cluster.network.drops = (_from, to, message) => {
    if (to !== reader.id || (message as unknown[])[0] !== READ_INDEX_REPLY) return false;
    answers.push(message);
    return true;
  };
  cluster.read(reader);
  cluster.until('the first life is answered', () => answers.length > 0);
  cluster.crash(reader);
  const [late] = answers.splice(0);
  const call = cluster.propose(leader, 'x');
  cluster.until('it is committed without the reader', () => call.done);
  cluster.start(reader);
  cluster.run(1_000);
  const read = cluster.read(reader);
  cluster.until('the second life is answered', () => answers.length > 0);
  cluster.network.repeat(leader.id, reader.id, late);
  cluster.run(5);
  expect(read.done).toBe(false);
  cluster.network.drops = () => false;
  cluster.until('it is confirmed', () => read.done);
  expect(read.failure).toBeUndefined();
});
