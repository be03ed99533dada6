import { logIndex, nodeId, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { RequestVote } from './messages.ts';
import { CoreCluster, command } from './testing/core-cluster.ts';

/** Of the default configuration. */
const TIMEOUT_TICKS = 10;

/** A group that node a leads, and that all follow. */
function ledByA(options: ConstructorParameters<typeof CoreCluster>[0] = {}): CoreCluster {
  const cluster = new CoreCluster(options);
  cluster.elect('a');
  cluster.tick('a', 2);
  cluster.settle();
  return cluster;
}

/** What `voter` answers to node c, which asks whether it could be elected; undefined for nothing. */
function askedByC(cluster: CoreCluster, voter: string, of: Partial<RequestVote> = {}): boolean | undefined {
  const core = cluster.core(voter);
  core.step({
    type: 'requestVote',
    from: nodeId('c'),
    to: nodeId(voter),
    term: term(core.term + 1),
    pre: true,
    lastIndex: logIndex(100),
    lastTerm: core.term,
    transfer: false,
    ...of,
  });
  cluster.host(voter).flush();
  const answers = cluster.messages.splice(0);
  return answers.find((message) => message.type === 'voteReply')?.granted;
}

test.each([
  ['whose disk could not bear it', 'b', (cluster: CoreCluster) => cluster.core('b').setMayLead(false)],
  ['that has no vote', 'd', () => {}],
])('one %s does not answer for a leader that has been silent for long', (_who, name, prepare) => {
  const cluster = ledByA({ learners: ['d'] });
  prepare(cluster);
  cluster.tick(name, TIMEOUT_TICKS - 1);
  expect(askedByC(cluster, name)).toBeUndefined();
  cluster.tick(name, TIMEOUT_TICKS);
  for (let ticks = 0; ticks < 5 * TIMEOUT_TICKS; ticks++) {
    expect([cluster.core(name).leader, askedByC(cluster, name)]).toEqual([undefined, true]);
    cluster.tick(name);
  }
});

test('a leader that is told to campaign steps down no later for that, when nobody answers it', () => {
  const leader = ledByA().core('a');
  let ticks = 0;
  for (; leader.role === 'leader' && ticks < 10 * TIMEOUT_TICKS; ticks++) {
    leader.campaign();
    leader.tick();
  }
  expect(ticks).toBeLessThanOrEqual(2 * TIMEOUT_TICKS);
});

test('figure 2: "If votedFor is null or candidateId … grant vote", also at one that was about to stand for election', () => {
  const cluster = ledByA();
  const b = cluster.core('b');
  const vote = { pre: false, transfer: true };
  // It learns of a term, and votes in it for nobody; later it asks whether it could be elected itself.
  expect(askedByC(cluster, 'b', { ...vote, term: term(5), lastIndex: logIndex(0), lastTerm: term(0) })).toBe(
    false,
  );
  b.campaign();
  expect(b.role).toBe('pre-candidate');
  expect(askedByC(cluster, 'b', { ...vote, term: term(5) })).toBe(true);
  expect([b.role, b.term]).toEqual(['follower', 5]);
  // What it has promised it says again, whatever it has come to do since.
  b.campaign();
  expect(askedByC(cluster, 'b', { ...vote, term: term(5) })).toBe(true);
  expect(askedByC(cluster, 'b', { ...vote, term: term(5), from: nodeId('a') })).toBe(false);
});

test('a leader that nobody has ever answered steps down after one election timeout', () => {
  const cluster = new CoreCluster();
  cluster.core('a').campaign();
  const deliver = (): void => {
    for (const host of cluster.hosts.values()) host.flush();
    for (const message of cluster.messages.splice(0)) cluster.core(message.to).step(message);
  };
  while (cluster.core('a').role !== 'leader') deliver();
  expect(cluster.core('a').successor).toBeDefined();
  cluster.tick('a', TIMEOUT_TICKS + 1);
  expect(cluster.core('a').role).toBe('follower');
});

test('5.2: who lacks entries and waits less than the others does not keep them from standing for election', () => {
  const configOf = (name: string) => (name === 'c' ? { electionTimeoutTicks: 3 } : {});
  const cluster = new CoreCluster({ config: { preVote: false, checkQuorum: false }, configOf });
  const a = cluster.core('a');
  a.campaign();
  cluster.settle();
  a.propose(command('c has not'));
  cluster.settleWithout('c');
  // Node a is gone. Without pre-vote the term rises for b whenever c tries, and b grants it nothing.
  const b = cluster.core('b');
  for (let ticks = 0; ticks < 20 * TIMEOUT_TICKS && b.role !== 'leader'; ticks++) {
    cluster.tick('b');
    cluster.tick('c');
    cluster.settleWithout('a');
  }
  expect(b.role).toBe('leader');
});
