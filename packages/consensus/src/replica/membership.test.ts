import { isTuttiError, type NodeId, nodeId, type WireValue } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { MembershipChange } from '../raft/membership-change.ts';
import { type Call, ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

const addLearner = (name: string, promote = false): MembershipChange => ({
  type: 'addLearner',
  member: { node: nodeId(name), contact: `ws://${name}` },
  promote,
});
const remove = (node: TestNode): MembershipChange => ({ type: 'remove', node: node.id });
const set = (...names: string[]): MembershipChange => ({
  type: 'set',
  voters: names.map((name) => ({ node: nodeId(name) })),
  learners: [],
});
const codeOf = (call: Call) => (isTuttiError(call.failure) ? call.failure.code : call.failure);
const votersOf = (node: TestNode) => [...node.replica.status().membership.voters].sort();

function started(size: number, config = {}): ReplicaCluster {
  const cluster = new ReplicaCluster(size, config);
  cluster.startAll();
  cluster.electLeader();
  return cluster;
}

function ended(cluster: ReplicaCluster, call: Call): Call {
  cluster.until('the change has ended', () => call.done);
  return call;
}

test('a new node joins as a learner, catches up, votes, and its contact is told to every owner', () => {
  const cluster = started(3);
  const follower = cluster.followers()[0]!;
  for (let i = 0; i < 50; i++) cluster.propose(follower, 'x');
  const fourth = cluster.add('n4');
  cluster.run(2_000);
  expect(fourth.replica.status()).toMatchObject({
    role: 'learner',
    term: 0,
    membership: { standing: 'none' },
  });
  expect(ended(cluster, cluster.change(follower, addLearner('n4', true))).failure).toBeUndefined();
  cluster.until('it votes', () => fourth.replica.status().membership.standing === 'voter');
  cluster.until('all know', () => cluster.nodes.every((node) => votersOf(node).length === 4));
  cluster.run(100);
  expect(fourth.counter.counts).toEqual({ x: 50 });
  for (const node of cluster.nodes) {
    const told = cluster.memberships.filter(([id]) => id === node.id).map(([, membership]) => membership);
    expect(told.at(-1)).toMatchObject({ contacts: { n4: 'ws://n4' }, isJoint: false, standing: 'voter' });
  }
});

test('every node is replaced in one call, asked of a follower, and clients are served on', () => {
  const cluster = started(3);
  const [first] = cluster.followers();
  cluster.propose(first!, 'before');
  const fresh = ['n4', 'n5', 'n6'].map((name) => cluster.add(name));
  const call = cluster.change(first!, set('n4', 'n5', 'n6'));
  expect(ended(cluster, call).failure).toBeUndefined();
  cluster.until('a new leader', () => fresh.some((node) => node.replica.status().role === 'leader'));
  const write = cluster.propose(fresh[0]!, 'after');
  cluster.until('it is written', () => write.done);
  expect(write.failure).toBeUndefined();
  for (const old of cluster.nodes.slice(0, 3)) {
    cluster.until('it knows that it is out', () => old.replica.status().membership.standing === 'removed');
    cluster.crash(old);
  }
  const last = cluster.propose(fresh[1]!, 'without the old');
  cluster.until('it is written', () => last.done);
  expect(last.failure).toBeUndefined();
  expect(fresh[1]!.counter.history).toEqual(['before', 'after', 'without the old']);
});

test('a leader that removes itself hands on, and its caller hears that it is done', () => {
  const cluster = started(3);
  const leader = cluster.leader()!;
  expect(ended(cluster, cluster.change(leader, remove(leader))).failure).toBeUndefined();
  expect(leader.replica.status().membership).toMatchObject({ standing: 'removed', isCommitted: true });
  cluster.until('another leads', () => {
    const next = cluster.leader();
    return next !== undefined && next !== leader;
  });
  expect(votersOf(cluster.leader()!)).toHaveLength(2);
});

test('a change whose answer is lost with its leader is carried out once', () => {
  const cluster = started(5);
  const leader = cluster.leader()!;
  const [caller, gone] = cluster.followers();
  const call = cluster.change(caller!, remove(gone!));
  cluster.until('it is in a log', () => leader.replica.status().membership.voters.length === 4);
  cluster.crash(leader);
  expect(ended(cluster, call).failure).toBeUndefined();
  expect(votersOf(caller!)).toHaveLength(4);
  expect(votersOf(caller!)).not.toContain(gone!.id);
});

test('refusals come at once, by code, at a follower as at the leader', () => {
  const cluster = started(3);
  const [follower] = cluster.followers();
  cluster.run(100);
  const unknown = cluster.change(follower!, { type: 'remove', node: nodeId('zed') });
  expect(codeOf(ended(cluster, unknown))).toBe('TUTTI_NOT_A_MEMBER');
  expect(codeOf(ended(cluster, cluster.change(follower!, set())))).toBe('TUTTI_NO_VOTER_LEFT');
  // A voter that never catches up: the change waits for it, and others are refused meanwhile.
  const waiting = cluster.change(follower!, set('n1', 'n2', 'n3', 'n9'), 3_000);
  cluster.run(200);
  const second = cluster.change(cluster.leader()!, remove(follower!));
  expect(codeOf(ended(cluster, second))).toBe('TUTTI_MEMBERSHIP_CHANGING');
  expect(codeOf(ended(cluster, waiting))).toBe('TUTTI_MEMBER_BEHIND');
  cluster.run(500);
  expect(ended(cluster, cluster.change(follower!, remove(follower!))).failure).toBeUndefined();
});

const CHANGE_REQUEST = 22;

/** Keeps what comes to a node from being read, until it is let go of: all of it then, in order, and at once. */
function stalled(
  cluster: ReplicaCluster,
  node: TestNode,
  holds: (message: WireValue[]) => boolean = () => true,
) {
  const held: { readonly from: NodeId; readonly message: WireValue }[] = [];
  cluster.network.drops = (from, to, message) =>
    to === node.id && holds(message as WireValue[]) && held.push({ from, message }) > 0;
  const release = (): void => {
    cluster.network.drops = () => false;
    for (const { from, message } of held) cluster.network.repeat(from, node.id, message);
  };
  const requests = () => held.filter(({ message }) => (message as unknown[])[0] === CHANGE_REQUEST);
  return { requests, release };
}

test('a change that was refused is not carried out by a second copy of it, when what it was refused for is over', () => {
  const cluster = started(4, { electionTicks: 60 });
  const leader = cluster.leader()!;
  cluster.run(300);
  const [asker, kept, gone] = cluster.followers() as [TestNode, TestNode, TestNode];
  const stall = stalled(cluster, leader);
  const refused = cluster.change(asker, remove(kept));
  cluster.run(2);
  // Under way when the leader reads the first copy; the acknowledgements that commit it come before the second.
  const first = cluster.change(leader, remove(gone));
  cluster.until('it is asked for again', () => stall.requests().length === 2);
  stall.release();
  expect(codeOf(ended(cluster, refused))).toBe('TUTTI_MEMBERSHIP_CHANGING');
  expect(ended(cluster, first).failure).toBeUndefined();
  cluster.run(500);
  expect(votersOf(leader)).toContain(kept.id);
});

test('a change that had nothing to do is not carried out by a late copy of it', () => {
  const cluster = started(3);
  const [asker] = cluster.followers() as [TestNode];
  const leader = cluster.leader()!;
  cluster.add('n4');
  ended(cluster, cluster.change(leader, addLearner('n4')));
  let copy: WireValue;
  cluster.network.drops = (_from, _to, message) => {
    if ((message as unknown[])[0] === CHANGE_REQUEST) copy = message;
    return false;
  };
  expect(ended(cluster, cluster.change(asker, addLearner('n4'))).failure).toBeUndefined();
  ended(cluster, cluster.change(leader, { type: 'remove', node: nodeId('n4') }));
  cluster.network.repeat(asker.id, leader.id, copy);
  cluster.run(500);
  expect(leader.replica.status().membership.learners).toEqual([]);
});

test('a copy that was meant for a leader of an earlier term is not carried out when that node leads again', () => {
  const cluster = started(3);
  const old = cluster.leader()!;
  const [asker, next] = cluster.followers() as [TestNode, TestNode];
  const promote: MembershipChange = { type: 'promote', node: nodeId('n4') };
  const stall = stalled(cluster, old, (message) => message[0] === CHANGE_REQUEST);
  const call = cluster.change(asker, promote);
  cluster.until('it is asked', () => stall.requests().length === 1);
  const lead = (from: TestNode, to: TestNode): void => {
    from.replica.transferLeadershipWith(to.id, () => {});
    cluster.until('it leads', () => to.replica.status().role === 'leader');
    cluster.run(500);
  };
  lead(old, next);
  expect(codeOf(ended(cluster, call))).toBe('TUTTI_NOT_A_MEMBER');
  const learner = cluster.add('n4');
  ended(cluster, cluster.change(next, addLearner('n4')));
  lead(next, old);
  stall.release();
  cluster.run(500);
  expect(votersOf(old)).not.toContain(learner.id);
  expect(ended(cluster, cluster.change(asker, promote)).failure).toBeUndefined();
});

test('the configuration comes back from a snapshot and from the log behind it, and can be changed then', () => {
  const cluster = started(3, { snapshotEntries: 10, trailingEntries: 0 });
  const leader = cluster.leader()!;
  const learner = cluster.add('n4');
  ended(cluster, cluster.change(leader, addLearner('n4')));
  for (let i = 0; i < 30; i++) cluster.propose(leader, 'x');
  cluster.until('a snapshot', () => cluster.nodes.every((node) => node.replica.status().snapshotIndex > 4));
  ended(cluster, cluster.change(leader, { type: 'promote', node: learner.id }));
  cluster.run(500);
  for (const node of cluster.nodes) cluster.crash(node);
  for (const node of cluster.nodes) cluster.start(node);
  cluster.electLeader();
  cluster.until('all know', () => cluster.nodes.every((node) => votersOf(node).length === 4));
  const [follower] = cluster.followers();
  expect(ended(cluster, cluster.change(follower!, set('n1', 'n4'))).failure).toBeUndefined();
  cluster.until('both know', () => votersOf(learner).join() === 'n1,n4');
});

test('a learner that has everything is promoted, too, when its leader has only begun to lead', () => {
  const cluster = started(3);
  const leader = cluster.leader()!;
  cluster.add('n4');
  ended(cluster, cluster.change(leader, addLearner('n4')));
  cluster.run(1_000);
  const [next] = cluster.followers();
  const { term } = leader.replica.status();
  leader.replica.transferLeadershipWith(next!.id, () => {});
  cluster.until('it has committed', () => {
    const status = next!.replica.status();
    return status.role === 'leader' && status.term > term && status.commitIndex === status.lastIndex;
  });
  const calls = [next!, leader].map((node) => cluster.change(node, { type: 'promote', node: nodeId('n4') }));
  expect(calls.map((call) => ended(cluster, call).failure)).toEqual([undefined, undefined]);
  expect(votersOf(next!)).toContain('n4');
});

test('a node whose log never began takes no snapshot that would say that there are no voters', () => {
  const cluster = started(1, { snapshotEntries: 5, trailingEntries: 100 });
  const leader = cluster.leader()!;
  for (let i = 0; i < 12; i++) cluster.propose(leader, 'x');
  cluster.run(500);
  const learner = cluster.add('n2');
  ended(cluster, cluster.change(leader, addLearner('n2')));
  for (let i = 0; i < 12; i++) cluster.propose(leader, 'y');
  cluster.run(1_000);
  const snapshot = learner.store.snapshot();
  expect(snapshot?.meta.membership.voters).toEqual(['n1']);
});

test('a node that has started anew waits for an election timeout, though by a change not known to be committed it votes alone', () => {
  const cluster = started(2);
  const leader = cluster.leader()!;
  const heir = cluster.followers()[0]!;
  // The leader hears no word of it: it goes on to lead, and under leases it reads on its own.
  cluster.network.drops = (from) => from === heir.id;
  cluster.change(leader, remove(leader));
  cluster.run(20);
  expect(votersOf(heir)).toEqual([heir.id]);
  cluster.crash(heir);
  cluster.start(heir);
  cluster.run(50);
  expect(heir.replica.status().role).toBe('follower');
  expect(leader.replica.status().role).toBe('leader');
  cluster.network.drops = () => false;
  cluster.run(2_000);
  expect(heir.replica.status().role).toBe('leader');
});
