import { logIndex, nodeId, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { Entry, RaftMessage } from './messages.ts';
import { CoreCluster, command, shown } from './testing/core-cluster.ts';

const a = nodeId('a');
const b = nodeId('b');
const c = nodeId('c');

const entry = (index: number, inTerm: number): Entry => ({
  index: logIndex(index),
  term: term(inTerm),
  kind: 'command',
  data: command(`${index}@${inTerm}`),
});

function append(from: typeof b, inTerm: number, prev: [number, number], entries: Entry[]): RaftMessage {
  const [prevIndex, prevTerm] = [logIndex(prev[0]), term(prev[1])];
  const commitIndex = logIndex(0);
  return {
    type: 'appendEntries',
    from,
    to: a,
    term: term(inTerm),
    prevIndex,
    prevTerm,
    entries,
    commitIndex,
  };
}

test('figure 8: an entry of an earlier term on a majority is not committed, and may still be replaced', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c', 'd', 'e'], config: { checkQuorum: false } });
  cluster.elect('a');
  const settled = cluster.core('a').commitIndex;
  cluster.core('a').propose(command('two'));
  cluster.settleWithout('c', 'd', 'e');
  // Node e leads in a later term, from the votes of c and d, and writes an entry only it has.
  cluster.core('e').campaign();
  cluster.settleWithout('a', 'b');
  expect(cluster.core('e').role).toBe('leader');
  cluster.core('e').propose(command('three'));
  cluster.host('e').flush();
  cluster.messages.length = 0;
  // Node a leads again and brings "two" to a majority, without anything of its own term getting there.
  cluster.core('a').tick();
  for (let i = 0; i < 4 && cluster.core('a').role !== 'leader'; i++) {
    cluster.core('a').campaign();
    cluster.settle(
      (message) => message.type === 'appendEntries' || [message.from, message.to].includes(nodeId('e')),
    );
  }
  expect(cluster.core('a').role).toBe('leader');
  expect(cluster.core('a').commitIndex).toBe(settled);
});

test('an acknowledgement of the disk for replaced entries does not vouch for the replacements', () => {
  const cluster = new CoreCluster();
  const host = cluster.host('a');
  host.core.step(append(b, 1, [0, 0], [entry(1, 1), entry(2, 1)]));
  host.drain();
  host.core.step(append(c, 2, [0, 0], [entry(1, 2), entry(2, 2)]));
  host.drain();
  expect(host.unflushed).toBe(2);
  host.flushOne();
  host.drain();
  // What is on the disk now is 1@1 and 2@1; nothing may be claimed of 1@2 and 2@2.
  expect(cluster.messages.filter((message) => message.type === 'appendReply')).toEqual([]);
  host.flush();
  expect(cluster.messages.filter((message) => message.type === 'appendReply')).toMatchObject([
    { term: 2, matchIndex: 2 },
  ]);
});

test('late answers to an election that is over change nothing', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c', 'd', 'e'] });
  cluster.core('a').campaign();
  const kept: RaftMessage[] = [];
  cluster.settle((message) => message.type === 'voteReply' && kept.push(message) > 0);
  cluster.elect('b');
  const inTerm = cluster.core('a').term;
  for (const message of kept) cluster.core('a').step(message);
  expect(cluster.core('a')).toMatchObject({ role: 'follower', leader: b, term: inTerm });
});

test('a long diverged log is reconciled in as many refusals as there are terms, not entries', () => {
  const cluster = new CoreCluster({ config: { checkQuorum: false } });
  const first = cluster.elect('c');
  for (let i = 0; i < 200; i++) first.propose(command(`lost ${i}`));
  cluster.settleWithout('a', 'b');
  for (const name of ['a', 'b']) cluster.tick(name, 10);
  cluster.core('a').campaign();
  cluster.settleWithout('c');
  for (let i = 0; i < 100; i++) cluster.core('a').propose(command(`kept ${i}`));
  cluster.settleWithout('c');
  // The next leader begins at the end of its own log, where node c has something else.
  cluster.core('b').campaign();
  cluster.settleWithout('c');
  expect(cluster.core('b').role).toBe('leader');
  let refusals = 0;
  cluster.tick('b', 2);
  cluster.settle((message) => {
    if (message.type === 'appendReply' && !message.success) refusals++;
    return false;
  });
  expect(cluster.core('c').lastIndex).toBe(cluster.core('a').lastIndex);
  expect(cluster.host('c').applied.map(shown)).toContain('kept 99');
  expect(refusals).toBeGreaterThan(0);
  expect(refusals).toBeLessThanOrEqual(3);
});

test('a repeated or late append neither repeats entries nor drops later ones', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  const seen: RaftMessage[] = [];
  for (let i = 0; i < 5; i++) {
    leader.propose(command(`x${i}`));
    cluster.settle((message) => {
      seen.push(message);
      return false;
    });
  }
  const log = cluster.host('b').disk.all().map(shown);
  for (const message of seen) if (message.to === b) cluster.core('b').step(message);
  cluster.settle();
  expect(cluster.host('b').disk.all().map(shown)).toEqual(log);
});

test('a lost append is noticed by heartbeats and sent again', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  leader.propose(command('lost on the way'));
  cluster.settle((message) => message.type === 'appendEntries');
  for (let i = 0; i < 6; i++) {
    cluster.tick('a', 2);
    cluster.settle();
  }
  expect(leader.progress().map((peer) => peer.matchIndex)).toEqual([leader.lastIndex, leader.lastIndex]);
  expect(cluster.host('b').applied.map(shown)).toContain('lost on the way');
});

test('the window bounds what is sent ahead, by messages and by bytes', () => {
  for (const config of [{ inflightMessagesMax: 3 }, { inflightBytesMax: 300 }]) {
    const cluster = new CoreCluster({ config: { ...config, appendBytesMax: 100 } });
    const leader = cluster.elect('a');
    for (let i = 0; i < 50; i++) leader.propose(new Uint8Array(100));
    cluster.host('a').drain();
    expect(
      cluster.messages.filter((message) => message.type === 'appendEntries' && message.to === b),
    ).toHaveLength(3);
    cluster.settle();
    expect(cluster.core('b').lastIndex).toBe(leader.lastIndex);
  }
});

test('proposals beyond the limits are refused by code, and nothing is taken in', () => {
  const cluster = new CoreCluster({ config: { proposalBytesMax: 100, uncommittedBytesMax: 150 } });
  const leader = cluster.elect('a');
  const { lastIndex } = leader;
  expect(() => leader.propose(new Uint8Array(101))).toThrow(/101 bytes/);
  leader.propose(new Uint8Array(100));
  expect(() => leader.propose(new Uint8Array(51))).toThrow(/is full/);
  expect(leader.lastIndex).toBe(lastIndex + 1);
  cluster.settle();
  expect(leader.propose(new Uint8Array(100))).toBe(lastIndex + 2);
});

test('the bound on what is not committed begins anew with each lead, and what was left over does not widen it', () => {
  const cluster = new CoreCluster({ config: { proposalBytesMax: 100, uncommittedBytesMax: 150 } });
  const leader = cluster.elect('a');
  leader.propose(new Uint8Array(100));
  cluster.host('a').flush();
  cluster.messages.length = 0;
  cluster.tick('a', 25);
  expect(leader.role).not.toBe('leader');
  cluster.messages.length = 0;
  // The entry of its earlier lead commits in this one.
  cluster.elect('a');
  expect(leader.commitIndex).toBe(leader.lastIndex);
  leader.propose(new Uint8Array(100));
  expect(() => leader.propose(new Uint8Array(51))).toThrow(/is full/);
});

test('reads of one turn share one round, and are answered after a quorum has answered it', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  const host = cluster.host('a');
  for (let id = 1; id <= 10; id++) leader.readIndex(id);
  host.drain();
  expect(cluster.messages.map((message) => message.type)).toEqual(['heartbeat', 'heartbeat']);
  expect(host.reads).toEqual([]);
  cluster.settle();
  expect(host.reads.map((read) => read.requestId)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(host.reads[0]!.index).toBe(leader.commitIndex);
});

test('an answer to an earlier round does not confirm a later read', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  const host = cluster.host('a');
  leader.readIndex(1);
  const early: RaftMessage[] = [];
  cluster.settle((message) => message.type === 'heartbeatReply' && early.push(message) > 0);
  leader.readIndex(2);
  host.drain();
  for (const message of early) leader.step(message);
  host.drain();
  expect(host.reads.map((read) => read.requestId)).toEqual([1]);
});

test('a new leader answers no read before an entry of its own term is committed', () => {
  const cluster = new CoreCluster();
  cluster.tick('a', 20);
  cluster.settle((message) => message.type === 'appendReply');
  expect(cluster.core('a').role).toBe('leader');
  cluster.core('a').readIndex(1);
  cluster.settle((message) => message.type === 'appendReply');
  expect(cluster.host('a').reads).toEqual([]);
  for (let i = 0; i < 4; i++) {
    cluster.tick('a', 2);
    cluster.settle();
  }
  expect(cluster.host('a').reads).toMatchObject([{ requestId: 1 }]);
});

test('followers and learners have their reads confirmed by the leader, or lost when there is none', () => {
  const cluster = new CoreCluster({ learners: ['l'] });
  cluster.core('b').readIndex(7);
  cluster.host('b').drain();
  expect(cluster.host('b').lostReads).toEqual([7]);
  cluster.elect('a');
  for (const name of ['b', 'l']) cluster.core(name).readIndex(8);
  cluster.settle();
  for (const name of ['b', 'l']) {
    expect(cluster.host(name).reads).toEqual([{ requestId: 8, index: cluster.core('a').commitIndex }]);
  }
  cluster.core('b').readIndex(9);
  cluster.settle((message) => message.type === 'readIndex');
  cluster.tick('a', 1);
  cluster.settle();
  for (let i = 0; i < 12; i++) {
    for (const name of ['a', 'b']) cluster.tick(name);
    cluster.settle();
  }
  expect(cluster.host('b').lostReads).toEqual([7, 9]);
});

test('a learner receives everything, votes for nobody it would elect, and is not counted', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b'], learners: ['l'] });
  const leader = cluster.elect('a');
  expect(cluster.core('l').role).toBe('learner');
  leader.propose(command('x'));
  const before = leader.commitIndex;
  cluster.settleWithout('b');
  expect(leader.commitIndex).toBe(before);
  cluster.core('l').campaign();
  for (let i = 0; i < 50; i++) cluster.tick('l');
  expect(cluster.core('l').role).toBe('learner');
  for (let i = 0; i < 4; i++) {
    cluster.tick('a', 2);
    cluster.settle();
  }
  expect(cluster.host('l').applied.map(shown)).toContain('x');
});

test('a peer whose entries were compacted is sent a snapshot, and entries after it', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  for (let i = 0; i < 10; i++) leader.propose(command(`x${i}`));
  cluster.settleWithout('c');
  const meta = { index: leader.commitIndex, term: leader.term, membership: leader.membership };
  cluster.host('a').disk.compact(meta);
  cluster.tick('a', 2);
  cluster.settle();
  for (let i = 0; i < 4; i++) {
    cluster.tick('a', 2);
    cluster.settle();
  }
  expect(cluster.host('a').snapshotsTo).toEqual(['c']);
  expect(leader.progress().find((peer) => peer.peer === c)?.state).toBe('snapshot');
  const lagging = cluster.host('c');
  lagging.core.snapshotReceived(meta);
  const install = lagging.drain().find((ready) => ready.install)?.install;
  expect(install).toEqual(meta);
  lagging.disk.replaceBy(meta);
  lagging.core.restored(meta);
  leader.propose(command('after'));
  cluster.settle();
  expect(lagging.core.commitIndex).toBe(leader.commitIndex);
  expect(lagging.applied.filter((entry) => entry.kind === 'command').map(shown)).toEqual(['after']);
});

test('figure 13: a snapshot whose last entry the log has keeps the log; one from the past changes nothing', () => {
  const cluster = new CoreCluster();
  const host = cluster.host('a');
  host.core.step(append(b, 1, [0, 0], [entry(1, 1), entry(2, 1), entry(3, 1)]));
  host.flush();
  const meta = (index: number, inTerm: number) => ({
    index: logIndex(index),
    term: term(inTerm),
    membership: cluster.membership,
  });
  host.core.snapshotReceived(meta(2, 1));
  expect(host.drain().some((ready) => ready.install)).toBe(false);
  expect(host.core).toMatchObject({ commitIndex: 2, lastIndex: 3 });
  host.core.snapshotReceived(meta(1, 1));
  expect(host.drain().some((ready) => ready.install)).toBe(false);
  expect(host.core.commitIndex).toBe(2);
  host.core.snapshotReceived(meta(3, 2));
  expect(host.drain().find((ready) => ready.install)?.install).toEqual(meta(3, 2));
});

test('what strangers answer or ask to read is ignored, whatever their term', () => {
  const cluster = new CoreCluster();
  cluster.elect('a');
  const before = cluster.core('a').term;
  const head = { from: nodeId('zed'), to: nodeId('a'), term: term(99) };
  cluster.core('a').step({ type: 'heartbeatReply', ...head, readRound: 0, lastIndex: logIndex(0) });
  cluster.core('a').step({ type: 'readIndex', ...head, requestId: 1 });
  expect(cluster.core('a')).toMatchObject({ role: 'leader', term: before });
});
