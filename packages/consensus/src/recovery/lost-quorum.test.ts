import { assert, isTuttiError, logIndex, type NodeId, nodeId, seededRandom, term } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { majorityOf } from '../quorum/majority.ts';
import type { Membership } from '../raft/messages.ts';
import { type Call, ReplicaCluster, type TestNode } from '../replica/testing/replica-cluster.ts';
import type { LogStoreState } from '../storage/log-store.ts';
import {
  planRecovery,
  type RecoveryPlan,
  type SurvivingLog,
  survivingLog,
  writeRecovery,
} from './lost-quorum.ts';

/** Takes the processes of all nodes away that still run. */
function loseAll(cluster: ReplicaCluster, down: readonly TestNode[] = []): void {
  for (const node of cluster.nodes) if (!down.includes(node)) cluster.crash(node);
  cluster.run(10);
}

/** What a tool does while none of the nodes runs. */
function recover(cluster: ReplicaCluster, survivors: readonly TestNode[]): RecoveryPlan {
  const initial = { voters: cluster.nodes.map(({ id }) => id), learners: [] };
  const logs = survivors.map(({ id, store }) => {
    let state: LogStoreState | undefined;
    store.open((_, found) => (state = found));
    cluster.run(10);
    return survivingLog(id, store, state!, initial);
  });
  const plan = planRecovery(logs);
  let isWritten = false;
  const { store } = survivors.find(({ id }) => id === plan.chosen)!;
  writeRecovery(store, plan, (failure) => (isWritten = failure === undefined));
  cluster.run(10);
  assert(isWritten, 'the recovery is on the disk');
  for (const survivor of survivors) survivor.store.close(() => {});
  cluster.run(10);
  return plan;
}

describe('a group that has lost its majority for good', () => {
  test('goes on with its survivors, and with all that was acknowledged on one of them', () => {
    const cluster = new ReplicaCluster(5, { trailingEntries: 5, snapshotEntries: 20 });
    cluster.startAll();
    const leader = cluster.electLeader();
    for (let i = 0; i < 30; i++) cluster.propose(leader, `k${i}`);
    cluster.until('all have it', () => cluster.nodes.every(({ counter }) => counter.history.length === 30));
    const [behind, lost, holder] = cluster.followers();
    for (const node of [behind!, lost!]) cluster.crash(node);
    const last = cluster.propose(leader, 'last');
    cluster.until('it is acknowledged', () => last.done);
    expect(last.failure).toBeUndefined();
    loseAll(cluster, [behind!, lost!]);

    const plan = recover(cluster, [behind!, holder!]);
    expect(plan).toMatchObject({ chosen: holder!.id, meetsMajorities: false });
    expect(plan.dropped.toSorted()).toEqual(
      cluster.nodes.map(({ id }) => id).filter((id) => id !== behind!.id && id !== holder!.id),
    );
    for (const node of [behind!, holder!]) cluster.start(node);
    const now = cluster.electLeader();
    expect(now).toBe(holder);
    const after = cluster.propose(now, 'after');
    cluster.until('it is acknowledged', () => after.done);
    expect(after.failure).toBeUndefined();
    cluster.until('both have it', () =>
      [behind!, holder!].every(({ counter }) => counter.counts['after'] === 1),
    );
    for (const { counter, replica } of [behind!, holder!]) {
      expect(counter.history.slice(-2)).toEqual(['last', 'after']);
      expect(counter.history).toHaveLength(32);
      expect(replica.status().voters.toSorted()).toEqual([behind!.id, holder!.id].toSorted());
    }
  });

  test('goes on with one survivor, which others can join then', () => {
    const cluster = new ReplicaCluster(3);
    cluster.startAll();
    const written = cluster.propose(cluster.electLeader(), 'kept');
    cluster.until('all have it', () => cluster.nodes.every(({ counter }) => counter.counts['kept'] === 1));
    expect(written.failure).toBeUndefined();
    loseAll(cluster);
    const [survivor] = cluster.nodes;
    recover(cluster, [survivor!]);
    cluster.start(survivor!);
    cluster.until('it leads', () => survivor!.replica.status().role === 'leader');
    const newcomer = cluster.add('n4');
    const change = cluster.change(survivor!, {
      type: 'addLearner',
      member: { node: newcomer.id },
      promote: true,
    });
    cluster.until('it votes', () => newcomer.replica.status().membership.standing === 'voter');
    expect(change.failure).toBeUndefined();
    expect(newcomer.counter.counts).toEqual({ kept: 1 });
  });
});

test('may still have lost what the others did when they had removed one of them, and no survivor has heard of that', () => {
  const cluster = new ReplicaCluster(4);
  cluster.startAll();
  const leader = cluster.electLeader();
  cluster.run(1_000);
  const [first, second] = cluster.followers();
  for (const node of [first!, second!]) cluster.crash(node);
  // Of the three that are voters then, the leader and the other one are a majority.
  const change = cluster.change(leader, { type: 'remove', node: first!.id });
  const late = cluster.propose(leader, 'late');
  cluster.until('both are done', () => change.done && late.done);
  expect([change.failure, late.failure]).toEqual([undefined, undefined]);
  loseAll(cluster, [first!, second!]);
  expect(recover(cluster, [first!, second!]).meetsMajorities).toBe(true);
  for (const node of [first!, second!]) cluster.start(node);
  const now = cluster.electLeader();
  const read = cluster.read(now);
  cluster.until('it has read', () => read.done);
  expect(now.counter.counts).toEqual({});
});

test('whose every majority has a survivor in it loses nothing that was acknowledged while its members stay', () => {
  let acknowledged = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const cluster = new ReplicaCluster(4, { snapshotEntries: 10, trailingEntries: 3 }, 0, seed);
    const random = seededRandom(seed);
    cluster.startAll();
    cluster.electLeader();
    cluster.run(1_000);
    const calls = new Map<string, Call>();
    let down: TestNode | undefined;
    for (let step = 0; step < 30; step++) {
      if (down && random.chance(0.3)) {
        cluster.start(down);
        down = undefined;
      } else if (!down && random.chance(0.2)) cluster.crash((down = random.pick(cluster.nodes)));
      const node = random.pick(cluster.nodes.filter((other) => other !== down));
      calls.set(`k${step}`, cluster.propose(node, `k${step}`));
      cluster.run(random.integer(0, 300));
    }
    loseAll(cluster, down ? [down] : []);
    const kept = [...calls].filter(([, call]) => call.done && !call.failure).map(([name]) => name);
    acknowledged += kept.length;
    const first = random.integer(0, 3);
    const survivors = [cluster.nodes[first]!, cluster.nodes[(first + random.integer(1, 3)) % 4]!];
    expect(recover(cluster, survivors).meetsMajorities).toBe(true);
    for (const node of survivors) cluster.start(node);
    const leader = cluster.electLeader();
    const read = cluster.read(leader);
    cluster.until('it has read', () => read.done);
    expect([seed, read.failure]).toEqual([seed, undefined]);
    for (const name of kept) expect([seed, name, leader.counter.counts[name]]).toEqual([seed, name, 1]);
  }
  expect(acknowledged).toBeGreaterThan(300);
});

const ids = (names: string): NodeId[] => names.split('').map(nodeId);

function log(
  name: string,
  [ownTerm, lastTerm, lastIndex]: readonly [number, number, number],
  membership: Membership,
): SurvivingLog {
  const at = { lastTerm: term(lastTerm), lastIndex: logIndex(lastIndex) };
  return { node: nodeId(name), term: term(ownTerm), ...at, membership, before: membership };
}

function refusalOf(logs: readonly SurvivingLog[], options?: { again?: boolean }): unknown {
  try {
    return planRecovery(logs, options);
  } catch (thrown) {
    return isTuttiError(thrown, 'TUTTI_RECOVERY_REFUSED') ? thrown.details['problem'] : thrown;
  }
}

describe('the plan of a recovery', () => {
  const five: Membership = { voters: ids('abcde'), learners: ids('l'), contacts: { a: 'at a', d: 'at d' } };

  test('chooses by the term of the last entry before its index, as an election does', () => {
    const plan = planRecovery([log('a', [9, 3, 100], five), log('b', [4, 4, 7], five)]);
    expect(plan).toMatchObject({ chosen: 'b', index: 8, term: 10, dropped: ids('cdel') });
    expect(plan.membership).toEqual({ voters: ids('ab'), learners: [], contacts: { a: 'at a' } });
  });

  test('takes a term that no survivor was in, so that no entry has the place of another', () => {
    expect(planRecovery([log('a', [2, 2, 5], five), log('b', [7, 2, 4], five)]).term).toBe(8);
  });

  test('is refused where nothing has to be recovered, unless that was begun before', () => {
    const three = ['a', 'b', 'c'].map((name) => log(name, [2, 2, 5], five));
    expect(refusalOf(three)).toMatch(/a majority of a, b, c, d, e/);
    expect(refusalOf(three, { again: true })).toMatchObject({ chosen: 'a' });
    const joint: Membership = { voters: ids('abc'), outgoing: ids('cde'), learners: [] };
    expect(refusalOf([log('a', [2, 2, 5], joint), log('b', [2, 2, 5], joint)])).toMatchObject({ term: 3 });
    expect(refusalOf(['b', 'c', 'd'].map((name) => log(name, [2, 2, 5], joint)))).toMatch(/a majority/);
  });

  test('is refused where survivors would elect one of them with an older configuration, over the chosen log', () => {
    const before: Membership = { voters: ids('abc'), learners: [] };
    const joint: Membership = { voters: ids('def'), outgoing: ids('abc'), learners: [] };
    const logs = [log('a', [2, 2, 6], joint), log('b', [2, 2, 5], before), log('c', [2, 2, 5], before)];
    expect(refusalOf(logs)).toMatch(/b, c are a majority of a, b, c/);
    // Neither of two can be elected: the one that is behind needs the other's vote.
    expect(refusalOf(logs.slice(0, 2))).toMatchObject({ chosen: 'a' });
  });

  test('does not count on majorities of what was planned before, nor of what a change that may not have happened left out', () => {
    const alone: Membership = { voters: ids('a'), learners: [] };
    expect(planRecovery([log('a', [3, 3, 6], alone)], { again: true }).meetsMajorities).toBe(false);
    const three: Membership = { voters: ids('abc'), learners: [] };
    const two: Membership = { voters: ids('ab'), learners: [] };
    const survivor = { ...log('a', [3, 3, 6], two), before: three };
    expect(planRecovery([survivor]).meetsMajorities).toBe(false);
  });

  test('is refused for nobody, for a stranger, for one that is named twice, and for an empty log', () => {
    expect(refusalOf([])).toMatch(/no survivor/);
    expect(refusalOf([log('x', [1, 1, 1], five)])).toMatch(/x is no member/);
    expect(refusalOf([log('a', [1, 1, 1], five), log('a', [1, 1, 1], five)])).toMatch(/twice/);
    expect(refusalOf([log('a', [1, 1, 1], five), log('b', [1, 0, 0], five)])).toMatch(/b is empty/);
  });

  test('says exactly where every majority has a survivor in it', () => {
    const names = 'abcdefg'.split('');
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 7 }), fc.integer({ min: 1, max: 127 }), (size, chosen) => {
        const voters = names.slice(0, size).map(nodeId);
        const survivors = voters.filter((_, at) => (chosen >> at) & 1);
        fc.pre(survivors.length > 0 && survivors.length < majorityOf(size));
        // Every majority, one after the other.
        const majorities = Array.from({ length: 2 ** size }, (_, set) =>
          voters.filter((_, at) => (set >> at) & 1),
        );
        const meetsAll = majorities
          .filter((set) => set.length > size / 2)
          .every((set) => set.some((voter) => survivors.includes(voter)));
        const logs = survivors.map((voter) => log(voter, [2, 2, 5], { voters, learners: [] }));
        expect(planRecovery(logs).meetsMajorities).toBe(meetsAll);
      }),
    );
  });
});
