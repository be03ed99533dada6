import { logIndex, type NodeId, nodeId, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { AppendEntries, AppendReply, Entry, RaftMessage, VoteReply } from './messages.ts';
import { CoreCluster, type CoreHost, command, shown } from './testing/core-cluster.ts';

const a = nodeId('a');
const b = nodeId('b');
const c = nodeId('c');

const entry = (index: number, inTerm: number, text = `${index}@${inTerm}`): Entry => ({
  index: logIndex(index),
  term: term(inTerm),
  kind: 'command',
  data: command(text),
});

function append(
  from: NodeId,
  inTerm: number,
  prev: [number, number],
  entries: Entry[],
  commit = 0,
): AppendEntries {
  return {
    type: 'appendEntries',
    from,
    to: a,
    term: term(inTerm),
    prevIndex: logIndex(prev[0]),
    prevTerm: term(prev[1]),
    entries,
    commitIndex: logIndex(commit),
  };
}

function vote(from: NodeId, inTerm: number, last: [number, number], pre = false): RaftMessage {
  const [lastIndex, lastTerm] = [logIndex(last[0]), term(last[1])];
  return { type: 'requestVote', from, to: a, term: term(inTerm), pre, lastIndex, lastTerm, transfer: false };
}

/** Node a of three, with its disk flushed and its messages taken. */
function follower(): { cluster: CoreCluster; host: CoreHost; sent: () => RaftMessage[] } {
  const cluster = new CoreCluster();
  const host = cluster.host('a');
  return {
    cluster,
    host,
    sent: () => {
      host.flush();
      return cluster.messages.splice(0).filter((message) => message.from === a);
    },
  };
}

test('5.1: "If one server’s current term is smaller than the other’s, then it updates its current term"', () => {
  for (const role of ['follower', 'candidate', 'leader'] as const) {
    const cluster = new CoreCluster({ config: { preVote: false } });
    if (role === 'leader') cluster.elect('a');
    if (role === 'candidate') cluster.core('a').campaign();
    cluster.core('a').step(append(b, 9, [0, 0], []));
    expect(cluster.core('a')).toMatchObject({ role: 'follower', term: 9, leader: b });
  }
});

test('5.1: "If a server receives a request with a stale term number, it rejects the request"', () => {
  const { host, sent } = follower();
  host.core.step(append(b, 5, [0, 0], []));
  sent();
  host.core.step(append(c, 4, [0, 0], [entry(1, 4)]));
  expect(host.core).toMatchObject({ term: 5, leader: b, lastIndex: 0 });
  expect(sent()).toMatchObject([{ to: c, term: 5, type: 'heartbeatReply' }]);
});

test('5.2: "If a follower receives no communication over a period of time … it begins an election"', () => {
  const { cluster, sent } = follower();
  cluster.tick('a', 20);
  expect(sent().filter((message) => message.type === 'requestVote' && message.pre)).toHaveLength(2);
});

test('5.2: "A follower increments its current term and … votes for itself", once both are on disk', () => {
  const cluster = new CoreCluster({ config: { preVote: false } });
  const host = cluster.host('a');
  host.core.campaign();
  host.drain();
  expect(cluster.messages).toEqual([]);
  host.flush();
  expect(host.disk.hardState).toEqual({ term: 1, votedFor: a });
  expect(cluster.messages).toMatchObject([
    { type: 'requestVote', to: b, term: 1, pre: false },
    { type: 'requestVote', to: c, term: 1, pre: false },
  ]);
});

test('5.2: "Each server will vote for at most one candidate in a given term, on a first-come-first-served basis"', () => {
  const { host, sent } = follower();
  host.core.step(vote(b, 3, [0, 0]));
  host.core.step(vote(c, 3, [5, 2]));
  host.core.step(vote(b, 3, [0, 0]));
  expect(sent()).toMatchObject([
    { to: b, granted: true },
    { to: c, granted: false },
    { to: b, granted: true },
  ]);
});

test('5.2: a vote is on disk before it is answered, so that a new life cannot vote again', () => {
  const { cluster, host } = follower();
  host.core.step(vote(b, 3, [0, 0]));
  host.drain();
  expect(cluster.messages).toEqual([]);
  host.flush();
  expect(cluster.messages).toHaveLength(1);
  host.crash();
  host.core.step(vote(c, 3, [0, 0]));
  host.flush();
  expect(cluster.messages.at(-1)).toMatchObject({ to: c, granted: false });
});

test('5.2: "A candidate wins an election if it receives votes from a majority of the servers in the full cluster"', () => {
  const sizes = [1, 2, 3, 4, 5, 6, 7];
  for (const size of sizes) {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].slice(0, size);
    for (let others = 0; others < size; others++) {
      const cluster = new CoreCluster({ voters: names });
      const cutOff = names.slice(1 + others);
      cluster.core('a').campaign();
      cluster.settleWithout(...cutOff);
      expect(cluster.core('a').role === 'leader').toBe(1 + others > size / 2);
    }
  }
});

test('5.2: a vote for an earlier campaign, or for the other phase of this one, is not counted', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c', 'd', 'e'], config: { preVote: false } });
  const host = cluster.host('a');
  host.core.campaign();
  host.flush();
  host.core.campaign();
  host.flush();
  const reply = (from: NodeId, campaignTerm: number, pre: boolean): VoteReply => ({
    type: 'voteReply',
    from,
    to: a,
    term: term(1),
    pre,
    campaignTerm: term(campaignTerm),
    granted: true,
  });
  host.core.step(reply(b, 1, false));
  host.core.step(reply(c, 1, false));
  host.core.step(reply(b, 2, true));
  host.core.step(reply(c, 2, true));
  expect(host.core.role).toBe('candidate');
  host.core.step(reply(b, 2, false));
  host.core.step(reply(b, 2, false));
  expect(host.core.role).toBe('candidate');
  host.core.step(reply(c, 2, false));
  expect(host.core.role).toBe('leader');
});

test('5.2: stepping down within a term keeps the vote of that term', () => {
  const cluster = new CoreCluster({ config: { preVote: false } });
  const host = cluster.host('a');
  host.core.campaign();
  host.flush();
  host.core.step(append(b, 1, [0, 0], []));
  expect(host.core).toMatchObject({ role: 'follower', term: 1 });
  cluster.messages.length = 0;
  host.core.step(vote(c, 1, [9, 1]));
  host.flush();
  expect(cluster.messages.filter((message) => message.type === 'voteReply')).toMatchObject([
    { granted: false },
  ]);
});

test('5.2: election timeouts are drawn from [T, 2T), and drawn anew each time', () => {
  const waits = new Set<number>();
  for (let seed = 1; seed <= 200; seed++) {
    const cluster = new CoreCluster({ seed });
    let wait = 0;
    while (cluster.core('a').role === 'follower') {
      cluster.tick('a');
      wait++;
    }
    waits.add(wait);
  }
  expect([...waits].sort((x, y) => x - y)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

test('5.3: "If followers crash or run slowly … the leader retries AppendEntries indefinitely"', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  leader.propose(command('x'));
  cluster.settleWithout('c');
  expect(cluster.host('c').applied.map(shown)).not.toContain('x');
  for (let i = 0; i < 4; i++) {
    cluster.tick('a', 2);
    cluster.settle();
  }
  expect(cluster.host('c').applied.map(shown)).toContain('x');
});

test('5.3: "A log entry is committed once the leader … has replicated it on a majority of the servers", disks counted', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  const before = leader.commitIndex;
  leader.propose(command('x'));
  cluster.host('a').drain();
  for (const message of cluster.messages.splice(0)) cluster.hosts.get(message.to)?.core.step(message);
  cluster.host('b').flush();
  for (const message of cluster.messages.splice(0)) cluster.hosts.get(message.to)?.core.step(message);
  // One follower has it on disk, the leader only in memory: that is one of three.
  expect(leader.commitIndex).toBe(before);
  cluster.host('a').flush();
  expect(leader.commitIndex).toBe(before + 1);
});

test('5.3: a follower tells what it holds only when it is on its disk', () => {
  const { cluster, host } = follower();
  host.core.step(append(b, 1, [0, 0], [entry(1, 1), entry(2, 1)]));
  host.drain();
  expect(cluster.messages).toEqual([]);
  host.flush();
  expect(cluster.messages).toMatchObject([{ type: 'appendReply', success: true, matchIndex: 2 }]);
});

test('5.3: appends of one turn are written together and acknowledged once', () => {
  const { host, sent } = follower();
  for (let i = 1; i <= 5; i++) host.core.step(append(b, 1, [i - 1, i === 1 ? 0 : 1], [entry(i, 1)]));
  expect(host.drain().filter((ready) => ready.persist)).toHaveLength(1);
  expect(sent()).toMatchObject([{ type: 'appendReply', matchIndex: 5 }]);
});

test('5.3: "If an existing entry conflicts with a new one, delete the existing entry and all that follow it"', () => {
  const { host, sent } = follower();
  host.core.step(append(b, 1, [0, 0], [entry(1, 1), entry(2, 1), entry(3, 1)]));
  sent();
  host.core.step(append(c, 2, [1, 1], [entry(2, 2)]));
  expect(sent()).toMatchObject([{ success: true, matchIndex: 2, term: 2 }]);
  expect(host.disk.all().map(shown)).toEqual(['1@1', '2@2']);
});

test('5.3: entries that do not conflict stay, though the message ends before them', () => {
  const { host, sent } = follower();
  host.core.step(append(b, 1, [0, 0], [entry(1, 1), entry(2, 1), entry(3, 1)]));
  host.core.step(append(b, 1, [0, 0], [entry(1, 1)]));
  sent();
  expect(host.disk.all()).toHaveLength(3);
});

test('5.3: "the follower can include the term of the conflicting entry": a conflict costs one message per term', () => {
  const { host, sent } = follower();
  const old = Array.from({ length: 9 }, (_, i) => entry(i + 1, i < 3 ? 1 : 2));
  host.core.step(append(b, 2, [0, 0], old));
  sent();
  host.core.step(append(c, 4, [9, 3], []));
  expect(sent()).toMatchObject([{ success: false, rejectedIndex: 9, hintIndex: 9, hintTerm: 2 }]);
  host.core.step(append(c, 4, [9, 1], []));
  expect(sent()).toMatchObject([{ success: false, hintIndex: 3, hintTerm: 1 }]);
});

test('5.3: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)"', () => {
  const { host } = follower();
  host.core.step(append(b, 1, [0, 0], [entry(1, 1), entry(2, 1), entry(3, 1)]));
  host.flush();
  // A later leader has committed three, but this message verifies the first only: 2 and 3 may differ.
  host.core.step(append(c, 2, [1, 1], [], 3));
  expect(host.core.commitIndex).toBe(1);
});

test('5.4.1: "If the logs have last entries with different terms, then the log with the later term is more up-to-date"', () => {
  const cases: [last: [number, number], granted: boolean][] = [
    [[2, 2], true],
    [[1, 3], true],
    [[3, 2], true],
    [[1, 2], false],
    [[9, 1], false],
    [[2, 1], false],
  ];
  for (const [last, granted] of cases) {
    for (const pre of [false, true]) {
      const { host, cluster, sent } = follower();
      host.core.step(append(b, 2, [0, 0], [entry(1, 1), entry(2, 2)]));
      sent();
      cluster.tick('a', 10);
      sent();
      host.core.step(vote(c, 7, last, pre));
      expect(sent().filter((message) => message.type === 'voteReply')).toMatchObject([{ granted, pre }]);
    }
  }
});

test('5.4.2: "Raft never commits log entries from previous terms by counting replicas"', () => {
  const cluster = new CoreCluster({ config: { preVote: false, checkQuorum: false } });
  const host = cluster.host('a');
  host.core.step(append(b, 2, [0, 0], [entry(1, 2)]));
  host.flush();
  cluster.messages.length = 0;
  host.core.campaign();
  host.flush();
  host.core.step({
    type: 'voteReply',
    from: c,
    to: a,
    term: term(3),
    pre: false,
    campaignTerm: term(3),
    granted: true,
  });
  host.flush();
  expect(host.core).toMatchObject({ role: 'leader', term: 3, lastIndex: 2 });
  const ack = (matchIndex: number): AppendReply => ({
    type: 'appendReply',
    from: c,
    to: a,
    term: term(3),
    success: true,
    matchIndex: logIndex(matchIndex),
    hintIndex: logIndex(0),
    hintTerm: term(0),
    rejectedIndex: logIndex(0),
  });
  host.core.step(ack(1));
  expect(host.core.commitIndex).toBe(0);
  host.core.step(ack(2));
  expect(host.core.commitIndex).toBe(2);
});

test('6: "servers disregard RequestVote RPCs when they believe a current leader exists"', () => {
  const cluster = new CoreCluster();
  cluster.elect('a');
  for (const pre of [true, false]) cluster.core('a').step(vote(c, 9, [99, 8], pre));
  cluster.host('a').flush();
  expect(cluster.messages).toEqual([]);
  expect(cluster.core('a')).toMatchObject({ role: 'leader' });
});

test('thesis 6.2: "a leader steps down if an election timeout elapses without a successful round of heartbeats"', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  for (let i = 0; i < 21; i++) {
    cluster.tick('a');
    cluster.settleWithout('b', 'c');
  }
  expect(leader.role).not.toBe('leader');
});

test('thesis 9.6: a node that is cut off does not raise its term, and returns without disturbing the leader', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  const inTerm = leader.term;
  for (let i = 0; i < 100; i++) {
    cluster.tick('c');
    cluster.settleWithout('c');
  }
  expect(cluster.core('c').term).toBe(inTerm);
  cluster.tick('a', 2);
  cluster.settle();
  expect(cluster.core('c')).toMatchObject({ role: 'follower', leader: a, term: inTerm });
  expect(leader).toMatchObject({ role: 'leader', term: inTerm });
});

test('a voter alone commits only what is on its disk', () => {
  const cluster = new CoreCluster({ voters: ['a'] });
  const leader = cluster.elect('a');
  const host = cluster.host('a');
  const applied = host.applied.length;
  leader.propose(command('x'));
  host.drain();
  expect(host.applied).toHaveLength(applied);
  host.flush();
  expect(host.applied.map(shown)).toContain('x');
});
