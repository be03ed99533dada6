import { nodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { CoreCluster, command } from './testing/core-cluster.ts';

const A = nodeId('a');
/** The spread of campaigns, and the tick that begins them. */
const SOON_TICKS = 5;
/** Of the default configuration. */
const TIMEOUT_TICKS = 10;

/** A group that node a leads, with something in its log. */
function ledByA(config = {}, seed = 1): CoreCluster {
  const cluster = new CoreCluster({ config, seed });
  cluster.elect('a').propose(command('x'));
  cluster.settle();
  return cluster;
}

/** Lets time pass for the others while node a is dead; the ticks until one of them leads, or undefined. */
function ticksToSuccessor(cluster: CoreCluster, most: number): number | undefined {
  for (let ticks = 1; ticks <= most; ticks++) {
    for (const name of ['b', 'c']) {
      cluster.tick(name);
      cluster.settleWithout('a');
    }
    if (['b', 'c'].some((name) => cluster.core(name).role === 'leader')) return ticks;
  }
  return undefined;
}

test('followers that lose the link to their leader elect another within a few ticks, not after a timeout', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const lost = ledByA({}, seed);
    for (const name of ['b', 'c']) lost.core(name).linkLost(A);
    expect(ticksToSuccessor(lost, SOON_TICKS)).toBeDefined();

    expect(ticksToSuccessor(ledByA({}, seed), TIMEOUT_TICKS - 1)).toBeUndefined();
  }
});

test('one that alone has lost the link disturbs nobody, and follows again when it hears the leader', () => {
  const cluster = ledByA();
  const [a, b] = [cluster.core('a'), cluster.core('b')];
  const { term } = a;
  b.linkLost(A);
  for (let ticks = 0; ticks < SOON_TICKS; ticks++) {
    cluster.tick('b');
    cluster.settle((message) => [message.from, message.to].every((id) => id === 'a' || id === 'b'));
  }
  expect(b.leader).toBeUndefined();
  expect([a.role, a.term, b.term]).toEqual(['leader', term, term]);
  cluster.tick('a', 2);
  cluster.settle();
  expect([b.role, b.leader]).toEqual(['follower', 'a']);
});

test('a lease is left to run out: it rests on the silence of the others, whatever their links do', () => {
  const cluster = ledByA({ leaseMs: 100 });
  for (const name of ['b', 'c']) cluster.core(name).linkLost(A);
  expect(ticksToSuccessor(cluster, TIMEOUT_TICKS - 1)).toBeUndefined();
  expect(ticksToSuccessor(cluster, 4 * TIMEOUT_TICKS)).toBeDefined();
});

test('a lease that one follower has renewed holds though its link breaks and the others had heard nothing for long', () => {
  const cluster = ledByA({ leaseMs: 800 });
  const [a, b] = [cluster.core('a'), cluster.core('b')];
  const between = (one: string, other: string) => (message: { from: string; to: string }) =>
    [message.from, message.to].every((id) => id === one || id === other);
  for (let ticks = 0; ticks < 2 * TIMEOUT_TICKS; ticks++) {
    cluster.nowMs += 100;
    for (const name of ['a', 'b', 'c']) cluster.tick(name);
    cluster.settle(between('a', 'c'));
  }
  expect([a.role, b.leader]).toEqual(['leader', 'a']);
  b.linkLost(A);
  for (let ticks = 0; ticks < SOON_TICKS; ticks++) {
    cluster.nowMs += 100;
    for (const name of ['b', 'c']) cluster.tick(name);
    cluster.settleWithout('a');
  }
  // The lease is not over: who is elected now could commit what node a does not show.
  a.readIndex(1);
  cluster.host('a').drain();
  expect(cluster.host('a').reads).toHaveLength(1);
  expect(b.role).toBe('follower');
  expect(ticksToSuccessor(cluster, TIMEOUT_TICKS)).toBeDefined();
});

test('a link to another than the leader says nothing, and neither does any without pre-vote and check-quorum', () => {
  const other = ledByA();
  for (const name of ['b', 'c']) other.core(name).linkLost(nodeId(name === 'b' ? 'c' : 'b'));
  expect(ticksToSuccessor(other, TIMEOUT_TICKS - 1)).toBeUndefined();

  // Without check-quorum those who hear the leader vote all the same: one wrong word would depose it.
  const unprotected = ledByA({ checkQuorum: false });
  const { term } = unprotected.core('a');
  unprotected.core('b').linkLost(A);
  unprotected.tick('b', SOON_TICKS);
  unprotected.settle();
  expect([unprotected.core('a').role, unprotected.core('a').term]).toEqual(['leader', term]);

  const without = ledByA({ preVote: false });
  for (const name of ['b', 'c']) without.core(name).linkLost(A);
  expect(ticksToSuccessor(without, TIMEOUT_TICKS - 1)).toBeUndefined();
});
