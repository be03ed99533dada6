import { isTuttiError, type NodeId, type WireValue } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import { decodeCommand, encodeOpening, NameTable } from './command.ts';
import { ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';
import { messageToWire } from './wire.ts';

const REQUEST_VOTE = 1;
const APPEND_REPLY = 4;
const FORWARD = 20;
const config = { snapshotEntries: 20, trailingEntries: 5, snapshotChunkBytes: 300 };

/** Commits `count` commands at a node. */
function fill(cluster: ReplicaCluster, node: TestNode, count: number): void {
  const calls = Array.from({ length: count }, (_, i) => cluster.propose(node, `fill${i}`));
  cluster.until('the log is filled', () => calls.every((call) => call.done));
  for (const call of calls) expect(call.failure).toBeUndefined();
}

/** A cluster in which one follower's command was applied, and the message that brought it to the leader. */
function withLateCopy() {
  const cluster = new ReplicaCluster(3, config);
  cluster.startAll();
  cluster.electLeader();
  const [client, third] = cluster.followers() as [TestNode, TestNode];
  fill(cluster, client, 1);
  const copies: { readonly from: NodeId; readonly message: WireValue }[] = [];
  cluster.network.drops = (from, _to, message) => {
    if ((message as unknown[])[0] === FORWARD) copies.push({ from, message });
    return false;
  };
  const call = cluster.propose(client, 'once');
  cluster.until('it is answered', () => call.done);
  cluster.network.drops = () => false;
  expect(copies).toHaveLength(1);
  /** The copy reaches whoever leads now; true once the log shows that it went in. */
  const deliver = (): void => {
    const leader = cluster.electLeader();
    const before = leader.replica.status().lastIndex;
    cluster.network.repeat(copies[0]!.from, leader.id, copies[0]!.message);
    cluster.until('the copy is in the log', () => leader.replica.status().lastIndex > before);
    cluster.run(200);
  };
  return { cluster, client, third, deliver };
}

const timesApplied = (node: TestNode): number => node.counter.history.filter((add) => add === 'once').length;

test.each([
  ['that still waits to be acknowledged', 0],
  ['that its client has acknowledged since', 1],
])('a copy of a command %s is not applied by the next leader', (_which, later) => {
  const { cluster, client, third, deliver } = withLateCopy();
  fill(cluster, client, later);
  const old = cluster.leader()!;
  cluster.network.isolate(old.id);
  cluster.until('another leads', () => cluster.leader() !== old && cluster.leader() !== undefined);
  deliver();
  for (const node of [client, third]) expect(timesApplied(node)).toBe(1);
  expect(cluster.leader()!.replica.stats().duplicates).toBe(1);
});

test('a copy is not applied after all nodes went down and came back from their snapshots', () => {
  const { cluster, deliver } = withLateCopy();
  // Other clients fill the log, so that the session is in the snapshot with its result still kept.
  const leader = cluster.leader()!;
  fill(cluster, leader, 60);
  cluster.run(500);
  for (const node of cluster.nodes) {
    expect(node.replica.status().snapshotIndex).toBeGreaterThan(20);
    cluster.crash(node);
  }
  cluster.run(100);
  cluster.startAll();
  deliver();
  for (const node of cluster.nodes) expect(timesApplied(node)).toBe(1);
});

test('a copy is not applied by a leader that has the session from an installed snapshot only', () => {
  const { cluster, client, third: other, deliver } = withLateCopy();
  const leader = cluster.leader()!;
  cluster.crash(other);
  fill(cluster, leader, 60);
  cluster.start(other);
  cluster.until('it has the snapshot', () => other.replica.stats().snapshotsInstalled === 1);
  cluster.until('it has caught up', () => other.counter.history.length === leader.counter.history.length);
  // Only the node that came back can be elected: the one that led is away, and the client is heard by nobody.
  cluster.crash(leader);
  cluster.network.drops = (from, _to, message) =>
    from === client.id && (message as unknown[])[0] === REQUEST_VOTE;
  cluster.until('it leads', () => other.replica.status().role === 'leader');
  cluster.network.drops = () => false;
  deliver();
  for (const node of [client, other]) expect(timesApplied(node)).toBe(1);
});

test('a client whose session was forgotten while its command was on the way is told so, and its next command works', () => {
  const cluster = new ReplicaCluster(3, { ...config, sessionsMax: 1, resendMs: 100 });
  cluster.startAll();
  cluster.electLeader();
  const [client, other] = cluster.followers() as [TestNode, TestNode];
  fill(cluster, client, 1);
  // Its command is applied, but it hears of nothing until its session has made room for another.
  cluster.network.drops = (_from, to) => to === client.id;
  const call = cluster.propose(client, 'once');
  cluster.until('it is applied elsewhere', () => timesApplied(other) === 1);
  cluster.run(150);
  const calls = Array.from({ length: 60 }, (_, i) => cluster.propose(other, `more${i}`));
  cluster.until('the other has its answers', () => calls.every(({ done }) => done));
  cluster.network.drops = () => false;
  cluster.until('it is answered', () => call.done);
  expect(isTuttiError(call.failure, 'TUTTI_SESSION_EXPIRED')).toBe(true);
  const next = cluster.propose(client, 'next');
  cluster.until('the next is answered', () => next.done);
  expect(next.failure).toBeUndefined();
  for (const node of cluster.nodes) {
    cluster.until('all have it', () => node.counter.history.includes('next'));
    expect(timesApplied(node)).toBe(1);
  }
});

test('a command that may be in a snapshot which no longer has its session is not sent anew when a copy of it is applied', () => {
  const cluster = new ReplicaCluster(3, {
    sessionsMax: 2,
    snapshotEntries: 10,
    trailingEntries: 0,
    resendMs: 5_000,
  });
  cluster.startAll();
  const leader = cluster.electLeader();
  const [client, other] = cluster.followers() as [TestNode, TestNode];
  fill(cluster, client, 1);
  // Its command leaves once and is applied; then it hears nothing until its session has made room for others.
  let forwarded: WireValue;
  let isDeaf = false;
  cluster.network.drops = (from, to, message) => {
    if (from === client.id && (message as unknown[])[0] === FORWARD) forwarded = message;
    return isDeaf && [from, to].includes(client.id);
  };
  const call = cluster.propose(client, 'once', 1, 30_000);
  cluster.run(1);
  isDeaf = true;
  cluster.until('it is applied elsewhere', () => timesApplied(leader) === 1);
  fill(cluster, leader, 1);
  fill(cluster, other, 1);
  fill(cluster, leader, 25);
  cluster.run(60);
  isDeaf = false;
  cluster.until('it is led there by a snapshot', () => client.replica.stats().snapshotsInstalled === 1);
  cluster.network.repeat(client.id, leader.id, forwarded);
  cluster.run(500);
  expect(isTuttiError(call.failure, 'TUTTI_SESSION_EXPIRED')).toBe(true);
  for (const node of cluster.nodes) expect(timesApplied(node)).toBe(1);
});

describe('an opening', () => {
  const kindOf = (message: WireValue): unknown => (message as unknown[])[0];
  const reopened = (cluster: ReplicaCluster): number[] =>
    cluster.nodes.map((node) => node.replica.stats().reopened);
  const isOpening = (frame: Uint8Array): boolean => decodeCommand(frame, new NameTable()).form === 'open';
  const lastOf = (node: TestNode): number => node.replica.status().lastIndex;

  test('that is sent again and again makes one session, and no other client is forgotten for it', () => {
    const cluster = new ReplicaCluster(3, { sessionsMax: 4, timeoutMs: 30_000 });
    cluster.startAll();
    const leader = cluster.electLeader();
    const [first, second] = cluster.followers() as [TestNode, TestNode];
    fill(cluster, first, 1);
    // The leader is heard, and hears of nothing that the others write; one client is not heard either.
    cluster.network.drops = (from, to, message) =>
      (kindOf(message) === APPEND_REPLY && to === leader.id) ||
      (kindOf(message) === FORWARD && from === first.id);
    const before = lastOf(leader);
    const calls = [cluster.propose(first, 'a'), cluster.propose(second, 'b')];
    cluster.run(8_000);
    expect(lastOf(leader)).toBe(before + 1);
    cluster.network.drops = () => false;
    cluster.until('both are answered', () => calls.every(({ done }) => done));
    expect(calls.map(({ failure }) => failure)).toEqual([undefined, undefined]);
  });

  test('that a leader left in the log is not taken by the next one', () => {
    const cluster = new ReplicaCluster(3, { timeoutMs: 30_000 });
    cluster.startAll();
    const leader = cluster.electLeader();
    const [client, heir] = cluster.followers() as [TestNode, TestNode];
    cluster.network.drops = (_from, to, message) => kindOf(message) === APPEND_REPLY && to === leader.id;
    const before = lastOf(leader);
    const call = cluster.propose(client, 'once');
    cluster.until('it is in the log of the next', () => lastOf(heir) === before + 1);
    cluster.crash(leader);
    cluster.network.drops = (from, _to, message) => from === client.id && kindOf(message) === REQUEST_VOTE;
    cluster.until('it is answered', () => call.done);
    expect(call.failure).toBeUndefined();
    expect(cluster.leader()).toBe(heir);
    cluster.run(500);
    expect(reopened(cluster)).toEqual([0, 0, 0]);
    for (const node of [client, heir]) expect(timesApplied(node)).toBe(1);
  });

  /** A cluster with a client that has a session, and the message in which it asked for it. */
  function withOpening() {
    const cluster = new ReplicaCluster(3, config);
    cluster.startAll();
    const leader = cluster.electLeader();
    const [client] = cluster.followers() as [TestNode];
    let opening: WireValue;
    cluster.network.drops = (_from, _to, message) => {
      if (kindOf(message) === FORWARD) opening ??= message;
      return false;
    };
    fill(cluster, client, 1);
    return { cluster, leader, client, opening };
  }

  test('that comes late is not taken, also after all nodes came back from their snapshots', () => {
    const { cluster, leader, client, opening } = withOpening();
    fill(cluster, leader, 60);
    cluster.run(500);
    for (const node of cluster.nodes) {
      expect(node.replica.status().snapshotIndex).toBeGreaterThan(20);
      cluster.crash(node);
    }
    cluster.run(100);
    cluster.startAll();
    const next = cluster.electLeader();
    cluster.run(500);
    const before = lastOf(next);
    cluster.network.repeat(client.id, next.id, opening);
    cluster.run(500);
    expect(lastOf(next)).toBe(before);
  });

  test('of a node of the version before is taken each time, since it may have missed the first in a snapshot', () => {
    const { cluster, leader, client } = withOpening();
    const frames = [encodeOpening(`${client.id}/1/77`, 10)];
    const message = messageToWire({ type: 'forward', from: client.id, frames });
    for (const times of [1, 2]) {
      const before = lastOf(leader);
      cluster.network.repeat(client.id, leader.id, message);
      cluster.until('it is in the log', () => lastOf(leader) === before + 1);
      cluster.run(200);
      expect(reopened(cluster)).toEqual([times - 1, times - 1, times - 1]);
    }
  });

  test('whose answer is in a snapshot is not sent again', () => {
    const cluster = new ReplicaCluster(3, {
      snapshotEntries: 10,
      trailingEntries: 0,
      resendMs: 10_000,
      timeoutMs: 30_000,
    });
    cluster.startAll();
    const leader = cluster.electLeader();
    const [client] = cluster.followers() as [TestNode];
    let isDeaf = false;
    let openings = 0;
    cluster.network.drops = (from, to, message) => {
      if (isDeaf) return [from, to].includes(client.id);
      const [kind, frames] = message as [number, Uint8Array[]];
      if (kind === FORWARD) openings += frames.filter(isOpening).length;
      return false;
    };
    const call = cluster.propose(client, 'once');
    cluster.run(1);
    isDeaf = true;
    fill(cluster, leader, 25);
    cluster.run(60);
    isDeaf = false;
    cluster.until('it is answered', () => call.done);
    expect(client.replica.stats().snapshotsInstalled).toBe(1);
    expect(openings).toBe(1);
    expect(call.failure).toBeUndefined();
    expect(reopened(cluster)).toEqual([0, 0, 0]);
  });
});
