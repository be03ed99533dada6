import { nodeId, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { leaseMs } from './lease.ts';
import type { HeartbeatReply, RaftMessage } from './messages.ts';
import { CoreCluster, command } from './testing/core-cluster.ts';

const a = nodeId('a');
const b = nodeId('b');
const c = nodeId('c');
const LEASE_MS = 100;

/** Three nodes that have waited long enough after their start to vote, led by a, whose entry is committed. */
function led(): CoreCluster {
  const cluster = new CoreCluster({ config: { leaseMs: LEASE_MS } });
  for (const name of ['a', 'b', 'c']) {
    cluster.tick(name, 9);
    cluster.host(name).flush();
  }
  cluster.elect('a');
  cluster.core('a').propose(command('x'));
  cluster.settle();
  heartbeat(cluster)();
  return cluster;
}

/** One round of heartbeats, answered when the test says, with what it makes of the answers. */
function heartbeat(
  cluster: CoreCluster,
  said: (reply: HeartbeatReply) => HeartbeatReply = (reply) => reply,
): () => void {
  const { messages } = cluster;
  cluster.tick('a', 2);
  cluster.host('a').flush();
  for (const message of messages.splice(0)) {
    if (message.type === 'heartbeat') cluster.core(message.to).step(message);
  }
  for (const name of ['b', 'c']) cluster.host(name).flush();
  const answers = messages.splice(0);
  return () => {
    for (const answer of answers)
      cluster.core('a').step(answer.type === 'heartbeatReply' ? said(answer) : answer);
    cluster.host('a').flush();
    messages.length = 0;
  };
}

/** Whether a read at the leader is answered without a word to anybody. */
function answersAlone(cluster: CoreCluster, requestId: number): boolean {
  const host = cluster.host('a');
  host.core.readIndex(requestId);
  host.flush();
  const asked = cluster.messages.splice(0).length > 0;
  return !asked && host.reads.some((read) => read.requestId === requestId);
}

test('thesis 6.4.1: within a lease reads cost no messages; without one they cost a round', () => {
  const cluster = led();
  expect(answersAlone(cluster, 1)).toBe(true);
  cluster.nowMs += LEASE_MS;
  expect(answersAlone(cluster, 2)).toBe(false);
  const plain = new CoreCluster();
  plain.elect('a');
  expect(answersAlone(plain, 1)).toBe(false);
});

test('a lease runs from when the heartbeat was sent, however late its answers come', () => {
  const cluster = led();
  cluster.nowMs = 1_000;
  const answer = heartbeat(cluster);
  cluster.nowMs += LEASE_MS - 1;
  answer();
  expect(answersAlone(cluster, 1)).toBe(true);
  cluster.nowMs += 1;
  expect(answersAlone(cluster, 2)).toBe(false);
});

test('a lease ends while the event loop stands still, since no tick is asked', () => {
  const cluster = led();
  heartbeat(cluster)();
  cluster.nowMs += 3_000;
  expect(answersAlone(cluster, 1)).toBe(false);
});

test('one voter of three is not enough to renew it, and a learner counts for nothing', () => {
  const cluster = new CoreCluster({ learners: ['d'], config: { leaseMs: LEASE_MS } });
  cluster.elect('a');
  cluster.nowMs = 1_000;
  cluster.tick('a', 2);
  cluster.settleWithout('b', 'c');
  expect(answersAlone(cluster, 1)).toBe(false);
  cluster.tick('a', 2);
  cluster.settleWithout('c');
  expect(answersAlone(cluster, 2)).toBe(true);
});

test.each([
  ['by what a quorum says of its own numbers', { b: 60, c: 40 }, 60],
  ['by nothing where the others keep silent for longer', { b: 500, c: 400 }, LEASE_MS],
  ['away where the others have no leases', { b: 0, c: 0 }, 0],
] as const)('a lease is shortened %s', (_, silentMs, lastsMs) => {
  const configOf = (name: string) => (name === 'a' ? {} : { leaseMs: silentMs[name as 'b' | 'c'] });
  const cluster = new CoreCluster({ config: { leaseMs: LEASE_MS }, configOf });
  cluster.elect('a');
  cluster.core('a').propose(command('x'));
  cluster.settle();
  cluster.nowMs = 1_000;
  // The one that keeps silent for longer answers first: with it there is a quorum, and the other may come late.
  cluster.tick('a', 2);
  cluster.settleWithout('c');
  if (lastsMs > 0) {
    cluster.nowMs = 1_000 + lastsMs - 1;
    expect(answersAlone(cluster, 1)).toBe(true);
  }
  cluster.nowMs = 1_000 + lastsMs;
  expect(answersAlone(cluster, 2)).toBe(false);
});

test('a lease rests on those who have answered the round that it runs from, not on who once said more', () => {
  const configOf = (name: string) => (name === 'c' ? { leaseMs: 40 } : {});
  const cluster = new CoreCluster({ config: { leaseMs: LEASE_MS }, configOf });
  cluster.elect('a');
  cluster.core('a').propose(command('x'));
  cluster.tick('a', 2);
  cluster.settle();
  cluster.nowMs = 1_000;
  cluster.tick('a', 2);
  cluster.settleWithout('b');
  cluster.nowMs = 1_000 + 39;
  expect(answersAlone(cluster, 1)).toBe(true);
  cluster.nowMs = 1_000 + 40;
  expect(answersAlone(cluster, 2)).toBe(false);
});

test('a voter of an earlier version, which does not say for how long it keeps silent, is taken to have the same numbers', () => {
  const cluster = new CoreCluster({ config: { leaseMs: LEASE_MS } });
  cluster.elect('a');
  cluster.core('a').propose(command('x'));
  cluster.settle();
  cluster.nowMs = 1_000;
  const answer = heartbeat(cluster, ({ type, from, to, term: inTerm, readRound, lastIndex }) => {
    return { type, from, to, term: inTerm, readRound, lastIndex };
  });
  answer();
  cluster.nowMs += LEASE_MS - 1;
  expect(answersAlone(cluster, 1)).toBe(true);
});

test('thesis 6.4.1: a transfer ends the lease at once, and none comes back in its term', () => {
  const cluster = led();
  const leader = cluster.core('a');
  leader.transferLeadership(b);
  cluster.host('a').flush();
  const word = cluster.messages.splice(0).find(({ type }) => type === 'timeoutNow')!;
  expect(answersAlone(cluster, 1)).toBe(false);
  for (let i = 0; i < 5; i++) heartbeat(cluster)();
  expect([leader.role, leader.transferTarget]).toEqual(['leader', undefined]);
  // Given up; but the word may still arrive, and then nobody protects this leader.
  expect(answersAlone(cluster, 2)).toBe(false);
  cluster.core('b').step(word);
  cluster.settleWithout('a');
  expect(cluster.core('b').role).toBe('leader');
});

test('whoever steps down and leads again begins without a lease', () => {
  const cluster = led();
  const later = term(cluster.core('a').term + 1);
  const { lastIndex } = cluster.core('a');
  cluster.core('a').step({ type: 'heartbeatReply', from: c, to: a, term: later, readRound: 0, lastIndex });
  expect(cluster.core('a').role).toBe('follower');
  expect(answersAlone(cluster, 1)).toBe(false);
});

test('a voter that has just started gives no vote until what it may have promised is over', () => {
  const cluster = led();
  heartbeat(cluster)();
  cluster.host('c').crash();
  const request = (inTerm: number): RaftMessage => {
    const { lastIndex } = cluster.core('b');
    const log = { lastIndex, lastTerm: cluster.core('a').term };
    return { type: 'requestVote', from: b, to: c, term: term(inTerm), pre: false, transfer: false, ...log };
  };
  cluster.core('c').step(request(9));
  cluster.host('c').flush();
  expect(cluster.messages.splice(0)).toEqual([]);
  cluster.tick('c', 10);
  cluster.host('c').flush();
  cluster.messages.length = 0;
  cluster.core('c').step(request(10));
  cluster.host('c').flush();
  expect(cluster.messages).toMatchObject([{ type: 'voteReply', granted: true }]);
});

test('the lease ends before the fastest voter could vote, as far as clocks may differ', () => {
  for (const [electionTicks, tickMs, drift] of [
    [6, 50, 0.1],
    [10, 10, 0.2],
    [5, 100, 0.001],
  ] as const) {
    // The leader's clock at its slowest, a voter's at its fastest, the voter's first two ticks all but over.
    const slow = 1 - drift / 2;
    const silence = ((electionTicks - 2) * tickMs) / (1 + drift / 2);
    expect(leaseMs(electionTicks, tickMs, drift) / slow).toBeLessThan(silence);
  }
});

test('followers and learners read under the leader’s lease with one question and one answer', () => {
  const cluster = new CoreCluster({ learners: ['d'], config: { leaseMs: LEASE_MS } });
  cluster.elect('a');
  cluster.tick('a', 2);
  cluster.settle();
  for (const name of ['b', 'd']) {
    const host = cluster.host(name);
    for (const requestId of [1, 2, 3]) host.core.readIndex(requestId);
    const seen: string[] = [];
    cluster.settle(({ type }) => {
      seen.push(type);
      return false;
    });
    expect(seen).toEqual(['readIndex', 'readIndexReply']);
    expect(host.reads.map(({ requestId }) => requestId)).toEqual([1, 2, 3]);
  }
});
