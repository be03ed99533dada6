import { logIndex, nodeId, term } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import { raftConfig } from './config.ts';
import type { AppendEntries, Entry, RaftMessage } from './messages.ts';
import { Progress } from './progress.ts';
import { CoreCluster, command, shown } from './testing/core-cluster.ts';

const b = nodeId('b');
const c = nodeId('c');

const appendsTo = (messages: readonly RaftMessage[], to: string) =>
  messages.filter(
    (message): message is AppendEntries => message.type === 'appendEntries' && message.to === to,
  );

/** A log of one entry for each term given, on the disk of a node that begins with it. */
function begin(cluster: CoreCluster, name: string, terms: readonly number[]): void {
  const host = cluster.host(name);
  const entries = terms.map(
    (value, i): Entry => ({
      index: logIndex(i + 1),
      term: term(value),
      kind: 'command',
      data: command(`${i + 1}@${value}`),
    }),
  );
  const hardState = { term: term(Math.max(...terms)), votedFor: undefined };
  host.disk.write({ sequence: 0, hardState, entries });
  host.crash();
}

describe('a peer that refuses', () => {
  test('is asked at the pace of ticks, and ever more seldom, if it refuses what it once had', () => {
    const config = raftConfig();
    const progress = new Progress(b, logIndex(1), config);
    progress.matched(logIndex(100));
    progress.becomeProbe();
    let probes = 0;
    const probe = (tick: number): void => {
      while (progress.hasRoom) {
        probes++;
        progress.sent(progress.next - 1, 0, logIndex(100), false, tick);
        progress.refused(logIndex(progress.next - 1), 0, tick);
      }
    };
    const ticks = 200;
    for (let tick = 1; tick <= ticks; tick++) {
      // As many reads as there are turns: their heartbeats are answered, and wake nothing.
      for (let turn = 0; turn < 50; turn++) {
        probe(tick);
        progress.heartbeatReplied(logIndex(200), tick, logIndex(200));
      }
    }
    expect(probes).toBeGreaterThanOrEqual(ticks / config.electionTimeoutTicks);
    expect(probes).toBeLessThanOrEqual(ticks / config.electionTimeoutTicks + 10);
  });

  test('what it once had is believed when two probes in a row come back refused, on one link', () => {
    const progress = new Progress(b, logIndex(1), raftConfig());
    progress.matched(logIndex(100));
    progress.becomeProbe();
    const probe = (tick: number): void => progress.sent(100, 0, logIndex(100), false, tick);
    const refuses = (tick: number): boolean => progress.refused(logIndex(100), 40, tick);
    // Nothing was asked, or it was answered already: these are copies of an old refusal.
    expect(refuses(1)).toBe(false);
    probe(1);
    expect([refuses(1), refuses(1), refuses(2)]).toEqual([false, false, false]);
    // Neither does one count that was said on an earlier link, nor one before the peer has said that it has the place.
    progress.linkRenewed();
    probe(10);
    expect(refuses(10)).toBe(false);
    progress.matched(logIndex(100));
    probe(20);
    expect(refuses(20)).toBe(false);
    expect([progress.match, progress.next]).toEqual([100, 101]);
    probe(30);
    expect(refuses(30)).toBe(true);
    expect([progress.match, progress.next, progress.state, progress.hasRoom]).toEqual([0, 41, 'probe', true]);
  });

  test('is asked at once again after one conflict, and waited for after several in a row', () => {
    const progress = new Progress(b, logIndex(1), raftConfig());
    progress.matched(logIndex(1));
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((_, i) => {
      progress.becomeReplicate();
      progress.sent(logIndex(10), 1, logIndex(1), true, 1_000 * i);
      progress.refused(logIndex(9), 1, 1_000 * i);
      let waited = 0;
      while (!progress.hasRoom) progress.heartbeatReplied(logIndex(10), 1_000 * i + ++waited, logIndex(10));
      return waited;
    });
    expect(waits).toEqual([0, 0, 1, 2, 4, 8, 10, 10]);
    expect(progress.windowMessages).toBe(1);
    // One round trip that goes well ends it.
    progress.becomeReplicate();
    progress.sent(logIndex(10), 1, logIndex(1), true, 9_000);
    progress.matched(logIndex(10));
    progress.sent(logIndex(20), 1, logIndex(1), true, 9_000);
    progress.refused(logIndex(19), 10, 9_000);
    expect([progress.state, progress.hasRoom]).toEqual(['probe', true]);
  });

  test('for a conflict in every term costs a bounded number of refusals, and gets the right log', () => {
    const cluster = new CoreCluster({ config: { checkQuorum: false } });
    const length = 400;
    // No two terms are in both logs beyond the first entry.
    const odd = Array.from({ length }, (_, i) => 2 * i + 1);
    const even = Array.from({ length: length - 10 }, (_, i) => (i === 0 ? 1 : 2 * i));
    begin(cluster, 'a', odd);
    begin(cluster, 'b', odd);
    begin(cluster, 'c', even);
    let refusals = 0;
    cluster.core('a').campaign();
    cluster.settle((message) => {
      if (message.type === 'appendReply' && !message.success) refusals++;
      return false;
    });
    expect(cluster.core('a').role).toBe('leader');
    expect(refusals).toBeGreaterThan(16);
    expect(refusals).toBeLessThanOrEqual(16 + Math.ceil(Math.log2(length)) + 1);
    expect(cluster.host('c').disk.all().map(shown)).toEqual(cluster.host('a').disk.all().map(shown));
  });
});

test('a search that went further back than it had to commits nothing that was not verified', () => {
  // One entry for each message: most of what the follower holds is not verified when the first of them says what is
  // committed, and the end of it contradicts the leader.
  const cluster = new CoreCluster({ config: { checkQuorum: false, appendBytesMax: 1 } });
  const common = Array.from({ length: 200 }, () => 1);
  begin(cluster, 'a', [...common, ...Array.from({ length: 60 }, (_, i) => 2 * i + 3)]);
  begin(cluster, 'b', [...common, ...Array.from({ length: 60 }, (_, i) => 2 * i + 3)]);
  begin(cluster, 'c', [...common, ...Array.from({ length: 31 }, (_, i) => 2 * i + 2)]);
  cluster.core('a').campaign();
  cluster.settleWithout('c');
  expect(cluster.core('a').commitIndex).toBe(261);
  let firstPrev: number | undefined;
  cluster.tick('a', 2);
  cluster.settle((message) => {
    if (message.type === 'appendReply' && message.from === c && message.success)
      firstPrev ??= message.matchIndex;
    return false;
  });
  expect(firstPrev).toBeLessThan(200);
  expect(cluster.host('c').applied.map(shown)).toEqual(cluster.host('a').applied.map(shown));
});

describe('a probe', () => {
  test('that is under way is not repeated by the heartbeats of reads', () => {
    const cluster = new CoreCluster({ config: { preVote: false } });
    const leader = cluster.core('a');
    leader.campaign();
    // The first append to c never arrives.
    cluster.settle((message) => message.type === 'appendEntries' && message.to === c);
    let probes = 0;
    for (let read = 1; read <= 20; read++) {
      leader.readIndex(read);
      cluster.settle((message) => {
        const isProbe = message.type === 'appendEntries' && message.to === c;
        if (isProbe) probes++;
        return isProbe;
      });
    }
    expect(probes).toBe(0);
    cluster.tick('a', 2);
    cluster.settle();
    expect(cluster.core('c').lastIndex).toBe(leader.lastIndex);
  });
});

describe('a link that takes no append', () => {
  test('gets no more before there is an answer, then everything in order and less at once', () => {
    const cluster = new CoreCluster({ config: { appendBytesMax: 1 } });
    const leader = cluster.elect('a');
    const before = leader.progress().find(({ peer }) => peer === c)!;
    for (let i = 0; i < 5; i++) leader.propose(command(`${i}`));
    cluster.host('a').drain();
    const toC = appendsTo(cluster.messages, 'c');
    expect(toC).toHaveLength(5);
    // Two arrive, three do not leave.
    for (const message of toC.slice(2)) {
      cluster.messages.splice(cluster.messages.indexOf(message), 1);
      leader.unsent(message);
    }
    leader.propose(command('5'));
    cluster.host('a').drain();
    expect(appendsTo(cluster.messages, 'c')).toHaveLength(2);
    const { windowMessages, nextIndex } = leader.progress().find(({ peer }) => peer === c)!;
    expect(windowMessages).toBe(before.windowMessages / 2);
    expect(nextIndex).toBe(toC[2]!.prevIndex + 1);
    let refusals = 0;
    cluster.settle((message) => {
      if (message.type === 'appendReply' && !message.success) refusals++;
      return false;
    });
    expect(refusals).toBe(0);
    expect(cluster.host('c').applied.map(shown).slice(-6)).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  test('and brings no answers either is tried again by heartbeats', () => {
    const cluster = new CoreCluster();
    const leader = cluster.elect('a');
    leader.propose(command('x'));
    cluster.host('a').drain();
    for (const message of cluster.messages.splice(0)) leader.unsent(message);
    cluster.settle();
    expect(leader.commitIndex).toBeLessThan(leader.lastIndex);
    cluster.tick('a', 2);
    cluster.settle();
    expect(leader.commitIndex).toBe(leader.lastIndex);
  });

  test('is as good as new when it is another', () => {
    const cluster = new CoreCluster();
    const leader = cluster.elect('a');
    leader.propose(command('x'));
    cluster.host('a').drain();
    for (const message of cluster.messages.splice(0)) leader.unsent(message);
    leader.linkRenewed(b);
    cluster.settle();
    expect(leader.commitIndex).toBe(leader.lastIndex);
  });
});

describe('an acknowledgement', () => {
  test('is one for all the appends of a turn, and one for all that a flush brought to the disk', () => {
    const cluster = new CoreCluster({ config: { appendBytesMax: 1 } });
    const leader = cluster.elect('a');
    const follower = cluster.host('b');
    const replies = (): number[] =>
      cluster.messages
        .splice(0)
        .flatMap((message) => (message.type === 'appendReply' ? [message.matchIndex] : []));
    const arrive = (count: number): void => {
      for (let i = 0; i < count; i++) leader.propose(command(`${i}`));
      cluster.host('a').drain();
      const appends = appendsTo(cluster.messages.splice(0), 'b');
      expect(appends).toHaveLength(count);
      for (const append of appends) follower.core.step(append);
      follower.drain();
    };
    arrive(5);
    const first = follower.core.lastIndex;
    arrive(3);
    expect(replies()).toEqual([]);
    follower.flushOne();
    follower.drain();
    expect(replies()).toEqual([first]);
    follower.flushOne();
    follower.drain();
    expect(replies()).toEqual([follower.core.lastIndex]);
  });
});

describe('word of a commit', () => {
  test('costs one message for each follower and turn, and no answer', () => {
    const cluster = new CoreCluster();
    const leader = cluster.elect('a');
    const types: Record<string, number> = {};
    leader.propose(command('x'));
    cluster.settle((message) => {
      types[message.type] = (types[message.type] ?? 0) + 1;
      return false;
    });
    // Entries, their acknowledgements, and word of the commit.
    expect(types).toEqual({ appendEntries: 4, appendReply: 2 });
    for (const name of ['b', 'c']) expect(cluster.core(name).commitIndex).toBe(leader.lastIndex);
  });

  test('is carried by an append that is due in the same turn', () => {
    const cluster = new CoreCluster();
    const leader = cluster.elect('a');
    const host = cluster.host('a');
    leader.propose(command('x'));
    host.flush();
    for (const message of cluster.messages.splice(0)) {
      cluster.core(message.to).step(message);
      cluster.host(message.to).flush();
    }
    for (const reply of cluster.messages.splice(0)) leader.step(reply);
    leader.propose(command('y'));
    host.drain();
    expect(cluster.messages).toMatchObject([
      { type: 'appendEntries', entries: [{ index: leader.lastIndex }], commitIndex: leader.lastIndex - 1 },
      { type: 'appendEntries', entries: [{ index: leader.lastIndex }], commitIndex: leader.lastIndex - 1 },
    ]);
  });

  test('that says nothing new of the entries it follows is a question, and is answered', () => {
    const cluster = new CoreCluster();
    const leader = cluster.elect('a');
    leader.propose(command('x'));
    cluster.settle();
    const { core } = cluster.host('b');
    // As from a leader that is far ahead, of whose entries a full disk has kept the rest away.
    core.step({
      type: 'appendEntries',
      from: nodeId('a'),
      to: b,
      term: leader.term,
      prevIndex: leader.lastIndex,
      prevTerm: leader.term,
      entries: [],
      commitIndex: logIndex(leader.lastIndex + 20),
    });
    cluster.host('b').flush();
    expect(cluster.messages).toMatchObject([{ type: 'appendReply', matchIndex: leader.lastIndex }]);
  });

  test('that carries a question is answered with the next heartbeat at the latest', () => {
    const cluster = new CoreCluster();
    const leader = cluster.elect('a');
    leader.propose(command('x'));
    // The leader does not hear what c has, and asks again and again.
    cluster.settle((message) => message.type === 'appendReply' && message.from === c);
    for (let i = 0; i < 3; i++) {
      cluster.tick('a', 2);
      cluster.settle();
    }
    expect(leader.progress().find(({ peer }) => peer === c)?.matchIndex).toBe(leader.lastIndex);
  });
});

describe('a follower that acknowledges nothing for an election timeout', () => {
  test('is sent less ahead, though it is heard', () => {
    const cluster = new CoreCluster({ config: { inflightMessagesMax: 8 } });
    const leader = cluster.elect('a');
    leader.propose(command('x'));
    const isHeld = (message: RaftMessage) => message.type === 'appendReply' && message.from === c;
    const windowOf = () => leader.progress().find(({ peer }) => peer === c)!.windowMessages;
    cluster.settle(isHeld);
    const windows = new Set<number>();
    for (let tick = 0; tick < 40; tick++) {
      cluster.tick('a');
      cluster.settle(isHeld);
      windows.add(windowOf());
    }
    expect([...windows].slice(0, 3)).toEqual([8, 4, 2]);
    cluster.tick('a', 2);
    cluster.settle();
    for (let i = 0; i < 20; i++) {
      leader.propose(command(`${i}`));
      cluster.settle();
    }
    expect(windowOf()).toBe(8);
  });
});
