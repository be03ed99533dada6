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

/** Commands that are stuck behind appends nobody hears, at the leader and at one that has forwarded its own. */
function stuck() {
  const cluster = new ReplicaCluster(3);
  cluster.startAll();
  const leader = cluster.electLeader();
  const [asker, other] = cluster.followers();
  const warm = [asker!, leader].map((node) => cluster.propose(node, 'warm'));
  cluster.until('both have a session', () => warm.every(({ done }) => done));
  cluster.run(200);
  // What the asker sends gets through, what the leader replicates does not.
  cluster.network.drops = isAppend;
  const aborter = new AbortController();
  const calls = [leader, asker!].map((node, i) =>
    cluster.propose(node, `sent ${i}`, 1, 20_000, aborter.signal),
  );
  cluster.run(20);
  expect(calls.map(({ done }) => done)).toEqual([false, false]);
  return { cluster, leader, asker: asker!, other: other!, calls, aborter };
}

test('a command that was sent and is called off may take effect: its outcome is unknown, and it does', () => {
  const { cluster, leader, asker, calls, aborter } = stuck();
  // Not sent yet: it stands in no log.
  cluster.network.isFull = (from, _to, lane) => from === asker.id && lane === 'bulk';
  const stayed = cluster.propose(asker, 'stayed', 1, 20_000, aborter.signal);
  cluster.run(20);
  aborter.abort();
  expect([...calls, stayed].map(codeOf)).toEqual([
    'TUTTI_OUTCOME_UNKNOWN',
    'TUTTI_OUTCOME_UNKNOWN',
    'TUTTI_ABORTED',
  ]);
  expect(calls[0]!.failure).toMatchObject({ cause: { code: 'TUTTI_ABORTED' } });
  cluster.network.drops = () => false;
  cluster.network.isFull = () => false;
  cluster.run(2_000);
  expect(leader.counter.history.toSorted()).toEqual(['sent 0', 'sent 1', 'warm', 'warm']);
});

test('a command that was sent and whose replica stops may take effect: its outcome is unknown, and it does', () => {
  const { cluster, leader, asker, calls } = stuck();
  cluster.network.isFull = (from, _to, lane) => from === asker.id && lane === 'bulk';
  const stayed = cluster.propose(asker, 'stayed', 1, 20_000);
  cluster.run(20);
  asker.replica.stopWith(() => {});
  expect([calls[1]!, stayed].map(codeOf)).toEqual(['TUTTI_OUTCOME_UNKNOWN', 'TUTTI_CLOSED']);
  expect(calls[1]!.failure).toMatchObject({ cause: { code: 'TUTTI_CLOSED' } });
  cluster.network.drops = () => false;
  cluster.run(2_000);
  expect(calls[0]!.failure).toBeUndefined();
  expect(leader.counter.history.toSorted()).toEqual(['sent 0', 'sent 1', 'warm', 'warm']);
});

test('a change that was begun and is called off, or whose replica stops, may be carried out', () => {
  for (const ending of ['called off', 'stopped'] as const) {
    const { cluster, asker, other } = stuck();
    const aborter = new AbortController();
    const change = { type: 'remove', node: other.id } as const;
    const call = cluster.change(asker, change, 20_000, aborter.signal);
    cluster.run(20);
    if (ending === 'called off') aborter.abort();
    else asker.replica.stopWith(() => {});
    expect(codeOf(call), ending).toBe('TUTTI_OUTCOME_UNKNOWN');
  }
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
