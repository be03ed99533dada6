import { isTuttiError, logIndex, nodeId, term } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import type { MembershipChange } from './membership-change.ts';
import { encodeMembership } from './membership-codec.ts';
import type { RaftMessage } from './messages.ts';
import { CoreCluster, command } from './testing/core-cluster.ts';

const specs = (...names: string[]) => names.map((name) => ({ node: nodeId(name) }));
const set = (voters: string[], learners: string[] = []): MembershipChange => ({
  type: 'set',
  voters: specs(...voters),
  learners: specs(...learners),
});
const remove = (name: string): MembershipChange => ({ type: 'remove', node: nodeId(name) });
const addLearner = (name: string, promote = false): MembershipChange => ({
  type: 'addLearner',
  member: { node: nodeId(name) },
  promote,
});

let count = 0;
const change = (cluster: CoreCluster, at: string, what: MembershipChange, id = `r${++count}`) =>
  cluster.core(at).changeMembership(id, what, 100);

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (thrown) {
    return isTuttiError(thrown) ? thrown.code : String(thrown);
  }
  return undefined;
}

/** Lets time pass at the leader, and everything travel. */
function pass(cluster: CoreCluster, leader: string, ticks = 4): void {
  for (let i = 0; i < ticks; i++) {
    cluster.tick(leader);
    cluster.settle();
  }
}

const votersOf = (cluster: CoreCluster, name: string) => [...cluster.core(name).membership.voters].sort();
const isFrom =
  (...names: string[]) =>
  (message: RaftMessage) =>
    names.includes(message.from) || names.includes(message.to);

describe('append-time configuration', () => {
  test('"a server always uses the latest configuration in its log, regardless of whether the entry is committed" (6)', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
    cluster.elect('a');
    expect(change(cluster, 'a', remove('c'))).toBe('begun');
    expect(votersOf(cluster, 'a')).toEqual(['a', 'b']);
    cluster.host('a').drain();
    const entry = cluster.messages.find((m) => m.type === 'appendEntries' && m.to === 'b')!;
    cluster.core('b').step(entry);
    expect(votersOf(cluster, 'b')).toEqual(['a', 'b']);
    expect(cluster.core('b').commitIndex).toBeLessThan(cluster.core('b').membershipIndex);
  });

  test('it falls back to the one before when the entry is truncated, after a compaction and a restart too', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
    cluster.elect('a');
    change(cluster, 'a', remove('c'));
    pass(cluster, 'a');
    // The history before this configuration is compacted away at a.
    const at = cluster.core('a').commitIndex;
    const host = cluster.host('a');
    host.disk.compact({
      index: at,
      term: host.disk.termAt(at)!,
      membership: cluster.core('a').membershipAt(at),
    });
    // A further change stays at a alone.
    change(cluster, 'a', addLearner('d'));
    host.flush();
    cluster.messages.length = 0;
    expect(cluster.core('a').membership.learners).toEqual(['d']);
    host.crash();
    expect(cluster.core('a').membership.learners).toEqual(['d']);
    cluster.core('b').campaign();
    // b's log is shorter than a's and it needs a's vote; a leader of a later term replaces what a has.
    const next = cluster.core('a').membershipIndex;
    const before = { index: logIndex(next - 1), term: cluster.host('a').disk.termAt(logIndex(next - 1))! };
    cluster.core('a').step({
      type: 'appendEntries',
      from: nodeId('b'),
      to: nodeId('a'),
      term: term(9),
      prevIndex: before.index,
      prevTerm: before.term,
      entries: [{ index: next, term: term(9), kind: 'noop', data: new Uint8Array(0) }],
      commitIndex: before.index,
    });
    expect(cluster.core('a').membership.learners).toEqual([]);
    expect(votersOf(cluster, 'a')).toEqual(['a', 'b']);
    cluster.host('a').flush();
    cluster.host('a').crash();
    expect(votersOf(cluster, 'a')).toEqual(['a', 'b']);
  });

  test('no change begins "until the leader has committed an entry from its current term" (thesis 4.1, corrected)', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
    cluster.core('a').campaign();
    cluster.settle((message) => message.type === 'appendEntries');
    expect(cluster.core('a').role).toBe('leader');
    expect(change(cluster, 'a', remove('c'))).toBe('later');
    pass(cluster, 'a');
    expect(change(cluster, 'a', remove('c'))).toBe('begun');
  });

  test('a second change is refused while one is not committed; the same request again is not a second', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b', 'c', 'd', 'e'] });
    cluster.elect('a');
    expect(change(cluster, 'a', remove('e'), 'first')).toBe('begun');
    expect(codeOf(() => change(cluster, 'a', remove('d')))).toBe('TUTTI_MEMBERSHIP_CHANGING');
    expect(change(cluster, 'a', remove('e'), 'first')).toBe('begun');
    pass(cluster, 'a');
    expect(change(cluster, 'a', remove('e'), 'first')).toBe('done');
    cluster.elect('b');
    expect(change(cluster, 'b', remove('e'), 'first')).toBe('done');
    expect(codeOf(() => change(cluster, 'b', remove('e'), 'other'))).toBe('TUTTI_NOT_A_MEMBER');
  });

  test('what could not be in force is refused by code, and nothing is appended', () => {
    const cluster = new CoreCluster({ voters: ['a'], learners: ['l'] });
    cluster.elect('a');
    const last = cluster.core('a').lastIndex;
    expect(codeOf(() => change(cluster, 'a', remove('a')))).toBe('TUTTI_NO_VOTER_LEFT');
    expect(codeOf(() => change(cluster, 'a', set([])))).toBe('TUTTI_NO_VOTER_LEFT');
    expect(codeOf(() => change(cluster, 'a', set(['a', 'a'])))).toBe('TUTTI_MEMBERSHIP_INVALID');
    expect(codeOf(() => change(cluster, 'a', set(['a'], ['a'])))).toBe('TUTTI_MEMBERSHIP_INVALID');
    const many = Array.from({ length: 70 }, (_, i) => `m${i}`);
    expect(codeOf(() => change(cluster, 'a', set(['a'], many)))).toBe('TUTTI_MEMBERSHIP_INVALID');
    expect(cluster.core('a').lastIndex).toBe(last);
  });
});

describe('joint consensus', () => {
  const joint = () => {
    const cluster = new CoreCluster({ voters: ['a', 'b', 'c'], learners: ['d', 'e', 'f'] });
    cluster.elect('a');
    pass(cluster, 'a');
    return cluster;
  };

  test('"agreement requires separate majorities from both the old and new configurations" (6)', () => {
    const cluster = joint();
    change(cluster, 'a', set(['d', 'e', 'f']));
    // The new side alone: nothing is committed.
    for (let i = 0; i < 3; i++) {
      cluster.tick('a');
      cluster.settle(isFrom('b', 'c'));
    }
    expect(cluster.core('a').commitIndex).toBeLessThan(cluster.core('a').membershipIndex);
    // One of the old side, but not a second of the new one as well.
    const other = joint();
    change(other, 'a', set(['d', 'e', 'f']));
    for (let i = 0; i < 3; i++) {
      other.tick('a');
      other.settle(isFrom('e', 'f'));
    }
    expect(other.core('a').commitIndex).toBeLessThan(other.core('a').membershipIndex);
    expect(other.core('a').membership.outgoing).toEqual(['a', 'b', 'c']);
  });

  test('any set in one call: C_old,new, then C_new by itself, and who is out steps down and hears of it', () => {
    const cluster = joint();
    expect(change(cluster, 'a', set(['d', 'e', 'f']))).toBe('begun');
    expect(cluster.core('a').membership.outgoing).toEqual(['a', 'b', 'c']);
    pass(cluster, 'a');
    expect(cluster.core('a').role).not.toBe('leader');
    expect(cluster.core('a').membership.outgoing).toBeUndefined();
    cluster.settle();
    const leaders = cluster.leaders().map((core) => core.id);
    expect(leaders).toHaveLength(1);
    expect(['d', 'e', 'f']).toContain(leaders[0]);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f'])
      expect(votersOf(cluster, name)).toEqual(['d', 'e', 'f']);
    expect(cluster.core('b').commitIndex).toBeGreaterThanOrEqual(cluster.core('b').membershipIndex);
  });

  test('whoever leads next leaves a joint configuration, after a crash in the middle of it too (etcd#12136)', () => {
    const cluster = joint();
    change(cluster, 'a', set(['a', 'd', 'e']));
    // C_old,new reaches everybody, and a dies before it hears of that.
    cluster.host('a').flush();
    for (const message of cluster.messages.splice(0)) cluster.hosts.get(message.to)?.core.step(message);
    for (const name of ['b', 'c', 'd', 'e']) cluster.host(name).flush();
    cluster.messages.length = 0;
    for (const host of cluster.hosts.values()) host.crash();
    expect(cluster.core('d').membership.outgoing).toEqual(['a', 'b', 'c']);
    for (let i = 0; i < 5 && cluster.core('d').role !== 'leader'; i++) {
      for (const name of ['b', 'c', 'e']) cluster.tick(name, 10);
      cluster.settleWithout('a');
      cluster.core('d').campaign();
      cluster.settleWithout('a');
    }
    expect(cluster.core('d').role).toBe('leader');
    expect(cluster.core('d').membership.outgoing).toBeUndefined();
    expect(votersOf(cluster, 'd')).toEqual(['a', 'd', 'e']);
  });

  test('an election in a joint configuration needs a majority of each side', () => {
    const cluster = joint();
    change(cluster, 'a', set(['d', 'e', 'f']));
    cluster.host('a').flush();
    for (const message of cluster.messages.splice(0)) cluster.hosts.get(message.to)?.core.step(message);
    for (const host of cluster.hosts.values()) host.flush();
    cluster.messages.length = 0;
    for (const host of cluster.hosts.values()) host.crash();
    cluster.core('d').campaign();
    cluster.settle(isFrom('a', 'b', 'c'));
    expect(cluster.core('d').role).not.toBe('leader');
    cluster.core('d').campaign();
    cluster.settle(isFrom('a'));
    expect(cluster.core('d').role).toBe('leader');
  });
});

describe('learners', () => {
  test('a new node is in no configuration: it votes for nobody, never campaigns, and learns from the leader', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
    cluster.elect('a');
    const fresh = cluster.add('d');
    cluster.tick('d', 100);
    expect(fresh.core.role).toBe('learner');
    const { lastIndex } = cluster.core('a');
    const ask = {
      type: 'requestVote',
      from: nodeId('a'),
      to: nodeId('d'),
      term: term(50),
      pre: false,
    } as const;
    fresh.core.step({ ...ask, lastIndex, lastTerm: term(49), transfer: false });
    expect(fresh.drain().flatMap((ready) => [...ready.messages, ...ready.afterPersist])).toEqual([]);
    expect(fresh.core.term).toBe(0);
    cluster.core('a').propose(command('x'));
    change(cluster, 'a', addLearner('d'));
    pass(cluster, 'a');
    expect(cluster.core('d').membership.learners).toEqual(['d']);
    expect(cluster.core('d').commitIndex).toBe(cluster.core('a').commitIndex);
    expect(votersOf(cluster, 'a')).toEqual(['a', 'b', 'c']);
  });

  test('a learner is behind when it has not shown in an election timeout of a new leader that it keeps up', () => {
    const cluster = new CoreCluster({ voters: ['a'], learners: ['l'] });
    const promote = () => change(cluster, 'a', { type: 'promote', node: nodeId('l') });
    cluster.core('a').campaign();
    cluster.settleWithout('l');
    const { lastIndex } = cluster.core('a');
    expect(promote()).toBe('later');
    for (let tick = 0; tick < 9; tick++) {
      cluster.tick('a');
      expect(promote()).toBe('later');
    }
    cluster.tick('a');
    expect(codeOf(promote)).toBe('TUTTI_MEMBER_BEHIND');
    expect(cluster.core('a').lastIndex).toBe(lastIndex);
    pass(cluster, 'a');
    expect(promote()).toBe('begun');
  });

  test('one that is to be promoted becomes a voter once its rounds are short (thesis 4.2.1), whoever leads', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
    cluster.elect('a');
    cluster.add('d');
    change(cluster, 'a', addLearner('d', true));
    for (let i = 0; i < 5; i++) {
      cluster.tick('a');
      cluster.settleWithout('d');
    }
    expect(votersOf(cluster, 'a')).toEqual(['a', 'b', 'c']);
    expect(codeOf(() => change(cluster, 'a', { type: 'promote', node: nodeId('d') }))).toBe(
      'TUTTI_MEMBER_BEHIND',
    );
    for (const name of ['a', 'c']) cluster.tick(name, 10);
    cluster.core('b').campaign();
    cluster.settleWithout('d');
    cluster.elect('b');
    pass(cluster, 'b', 6);
    expect(votersOf(cluster, 'd')).toEqual(['a', 'b', 'c', 'd']);
  });

  test('nobody is promoted by itself while leadership is handed on, and then somebody is', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b'] });
    const leader = cluster.elect('a');
    cluster.add('d');
    change(cluster, 'a', addLearner('d', true));
    cluster.settle();
    leader.transferLeadership(nodeId('b'));
    const passWithoutWord = (ticks: number): void => {
      for (let i = 0; i < ticks; i++) {
        cluster.tick('a');
        cluster.settle(({ type }) => type === 'timeoutNow');
      }
    };
    passWithoutWord(5);
    expect(leader.transferTarget).toBe('b');
    expect(votersOf(cluster, 'a')).toEqual(['a', 'b']);
    passWithoutWord(10);
    expect(leader.transferTarget).toBeUndefined();
    expect(votersOf(cluster, 'a')).toEqual(['a', 'b', 'd']);
  });

  test('new voters of a set are learners until they have caught up, and commits do not wait for them', () => {
    const cluster = new CoreCluster({ voters: ['a'] });
    cluster.elect('a');
    cluster.add('b');
    cluster.add('c');
    expect(change(cluster, 'a', set(['a', 'b', 'c']))).toBe('begun');
    cluster.settleWithout('b', 'c');
    expect(cluster.core('a').membership).toMatchObject({ voters: ['a'], learners: ['b', 'c'] });
    cluster.core('a').propose(command('x'));
    cluster.settleWithout('b', 'c');
    expect(cluster.core('a').commitIndex).toBe(cluster.core('a').lastIndex);
    pass(cluster, 'a', 8);
    expect(votersOf(cluster, 'c')).toEqual(['a', 'b', 'c']);
    expect(cluster.core('c').membership.outgoing).toBeUndefined();
  });
});

describe('removal', () => {
  test('a leader that came later and removes itself may campaign after a crash of all: only its log is long enough', () => {
    const cluster = new CoreCluster({ voters: ['a'] });
    cluster.elect('a');
    cluster.add('b');
    change(cluster, 'a', set(['a', 'b']));
    pass(cluster, 'a', 8);
    cluster.elect('b');
    pass(cluster, 'b');
    change(cluster, 'b', remove('b'));
    cluster.host('b').flush();
    cluster.messages.length = 0;
    // No commit index is on a disk: at the beginning of its log b is in no configuration.
    for (const host of cluster.hosts.values()) host.crash();
    cluster.core('a').campaign();
    cluster.settle();
    expect(cluster.core('a').role).not.toBe('leader');
    cluster.core('b').campaign();
    cluster.settle();
    pass(cluster, 'b');
    expect(cluster.core('a').role).toBe('leader');
    expect(votersOf(cluster, 'a')).toEqual(['a']);
    expect(cluster.core('a').commitIndex).toBeGreaterThanOrEqual(cluster.core('a').membershipIndex);
  });

  test('the leader of two that removes itself goes on until that is committed, and the survivor leads (etcd#10563)', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b'] });
    cluster.elect('a');
    change(cluster, 'a', remove('a'));
    cluster.host('a').flush();
    // It does not count itself: its own disk alone commits nothing.
    expect(cluster.core('a').role).toBe('leader');
    expect(cluster.core('a').commitIndex).toBeLessThan(cluster.core('a').membershipIndex);
    cluster.settle();
    expect(cluster.core('a').role).toBe('learner');
    expect(cluster.core('b').role).toBe('leader');
    cluster.core('b').propose(command('alone'));
    cluster.host('b').flush();
    expect(cluster.core('b').commitIndex).toBe(cluster.core('b').lastIndex);
  });

  test('"a server that is not part of its own latest configuration should still start new elections" (thesis 4.2.2)', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b'] });
    cluster.elect('a');
    change(cluster, 'a', remove('a'));
    cluster.host('a').flush();
    cluster.messages.length = 0;
    // b never heard of it, and its log is shorter than a's: only a can be elected.
    for (const host of cluster.hosts.values()) host.crash();
    cluster.core('b').campaign();
    cluster.settle();
    expect(cluster.core('b').role).not.toBe('leader');
    cluster.tick('b', 10);
    cluster.settle();
    for (let i = 0; i < 5 && votersOf(cluster, 'b').length > 1; i++) {
      cluster.core('a').campaign();
      cluster.settle();
    }
    expect(votersOf(cluster, 'b')).toEqual(['b']);
    expect(cluster.core('b').role).toBe('leader');
  });

  test('a node that was removed while it was away disturbs nobody, and is told', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b', 'c'], config: { preVote: false } });
    cluster.elect('a');
    change(cluster, 'a', remove('c'));
    for (let i = 0; i < 150; i++) {
      cluster.tick('a');
      cluster.settleWithout('c');
    }
    const before = cluster.core('a').term;
    expect(votersOf(cluster, 'c')).toEqual(['a', 'b', 'c']);
    for (let i = 0; i < 40; i++) {
      cluster.tick('c');
      pass(cluster, 'a', 1);
    }
    expect(cluster.core('a')).toMatchObject({ role: 'leader', term: before });
  });

  test('a node that was removed while it was away is told, once it asks for votes', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
    cluster.elect('a');
    change(cluster, 'a', remove('c'));
    for (let i = 0; i < 150; i++) {
      cluster.tick('a');
      cluster.settleWithout('c');
    }
    for (let i = 0; i < 40; i++) {
      cluster.tick('c');
      pass(cluster, 'a', 1);
    }
    expect(votersOf(cluster, 'c')).toEqual(['a', 'b']);
    expect(cluster.core('c').commitIndex).toBeGreaterThanOrEqual(cluster.core('c').membershipIndex);
  });

  test('a voter that has not heard of the configuration with the candidate in it votes for it all the same', () => {
    const cluster = new CoreCluster({ voters: ['a', 'b'], learners: ['d'] });
    cluster.elect('a');
    pass(cluster, 'a');
    change(cluster, 'a', { type: 'promote', node: nodeId('d') });
    for (let i = 0; i < 3; i++) {
      cluster.tick('a');
      cluster.settleWithout('b');
    }
    expect(votersOf(cluster, 'd')).toEqual(['a', 'b', 'd']);
    expect(votersOf(cluster, 'b')).toEqual(['a', 'b']);
    cluster.tick('b', 10);
    cluster.host('b').flush();
    cluster.messages.length = 0;
    for (let i = 0; i < 5 && cluster.core('d').role !== 'leader'; i++) {
      cluster.tick('d', 10);
      cluster.settleWithout('a');
    }
    expect(cluster.core('d').role).toBe('leader');
  });
});

test('a snapshot carries the configuration that was in force at its last entry, never a later one', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
  cluster.elect('a');
  const before = cluster.core('a').commitIndex;
  change(cluster, 'a', remove('c'));
  expect(cluster.core('a').membershipAt(before).voters).toEqual(['a', 'b', 'c']);
  expect(votersOf(cluster, 'a')).toEqual(['a', 'b']);
});

test('bytes that are no configuration stop a core rather than being guessed at', () => {
  const cluster = new CoreCluster();
  const data = encodeMembership({ voters: [nodeId('a')], learners: [] }).slice(1);
  const entry = { index: logIndex(1), term: term(1), kind: 'membership', data } as const;
  const head = {
    from: nodeId('b'),
    to: nodeId('a'),
    term: term(1),
    prevIndex: logIndex(0),
    prevTerm: term(0),
  };
  const message = { type: 'appendEntries', ...head, entries: [entry], commitIndex: logIndex(0) } as const;
  expect(codeOf(() => cluster.core('a').step(message))).toBe('TUTTI_CODEC_INVALID');
});
