import { isTuttiError, nodeId, TuttiError, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { RaftMessage } from './messages.ts';
import { CoreCluster, command, shown } from './testing/core-cluster.ts';

const a = nodeId('a');
const b = nodeId('b');
const c = nodeId('c');

function refusal(action: () => unknown): string | undefined {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof TuttiError) return thrown.code;
    throw thrown;
  }
  return undefined;
}

const typesTo = (messages: readonly RaftMessage[], to: string) =>
  messages.filter((message) => message.to === to).map(({ type }) => type);

test('thesis 3.10: "the prior leader sends its log entries to the target server, then … a TimeoutNow request"', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  leader.propose(command('not at b yet'));
  cluster.settleWithout('b');
  expect(leader.transferLeadership(b)).toBe('b');
  cluster.host('a').flush();
  expect(typesTo(cluster.messages, 'b')).not.toContain('timeoutNow');
  cluster.settle();
  expect([cluster.core('b').role, cluster.core('b').term]).toEqual(['leader', leader.term]);
  expect(leader).toMatchObject({ role: 'follower', leader: b, transferTarget: undefined });
  expect(cluster.host('b').applied.map(shown)).toContain('not at b yet');
});

test('thesis 3.10: "the prior leader stops accepting new client requests", and says where leadership goes', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  leader.transferLeadership(c);
  const last = leader.lastIndex;
  try {
    leader.propose(command('too late'));
    expect.unreachable();
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'TUTTI_LEADERSHIP_MOVING', details: { target: c } });
  }
  expect(leader.lastIndex).toBe(last);
});

test('thesis 3.10: a target that does not take over "within about an election timeout" is given up', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  const inTerm = leader.term;
  leader.transferLeadership(b);
  for (let i = 0; i < 10; i++) {
    expect(leader.transferTarget).toBe(b);
    leader.tick();
    cluster.settleWithout('b');
  }
  expect(leader).toMatchObject({ role: 'leader', term: inTerm, transferTarget: undefined });
  expect(leader.propose(command('goes on'))).toBeGreaterThan(0);
});

test('a word to campaign that was lost is said again', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  let lost = 0;
  leader.transferLeadership(b);
  cluster.settle(({ type }) => type === 'timeoutNow' && ++lost > 0);
  expect([lost, leader.role]).toEqual([1, 'leader']);
  leader.tick();
  cluster.settle();
  expect(cluster.core('b').role).toBe('leader');
});

test('thesis 4.2.3: the votes of a transfer are given although a leader is heard; others are not', () => {
  const cluster = new CoreCluster();
  cluster.elect('a');
  const asked: RaftMessage[] = [];
  cluster.core('a').transferLeadership(b);
  cluster.settle((message) => {
    if (message.type !== 'requestVote') return false;
    asked.push(message);
    return true;
  });
  expect(asked).toMatchObject([
    { from: b, pre: false, transfer: true },
    { from: b, pre: false, transfer: true },
  ]);
  const toC = asked.find(({ to }) => to === c)!;
  cluster.core('c').step({ ...toC, transfer: false } as RaftMessage);
  cluster.host('c').flush();
  expect(cluster.messages.splice(0)).toEqual([]);
  cluster.core('c').step(toC);
  cluster.host('c').flush();
  expect(cluster.messages).toMatchObject([{ type: 'voteReply', to: b, granted: true }]);
});

test('only the leader of this very term can make a node campaign', () => {
  const cluster = new CoreCluster();
  cluster.elect('a');
  const earlier = cluster.core('a').term;
  cluster.elect('b');
  const { term: now } = cluster.core('c');
  expect(now).toBeGreaterThan(earlier);
  cluster.core('c').step({ type: 'timeoutNow', from: a, to: c, term: earlier });
  expect(cluster.core('c')).toMatchObject({ role: 'follower', term: now, leader: b });
});

test('a learner does not campaign, whoever tells it to', () => {
  const cluster = new CoreCluster({ learners: ['d'] });
  cluster.elect('a');
  const { term: now } = cluster.core('a');
  cluster.core('d').step({ type: 'timeoutNow', from: a, to: nodeId('d'), term: now });
  expect(cluster.core('d')).toMatchObject({ role: 'learner', term: now });
});

test('a transfer ends with the leadership that began it', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  leader.transferLeadership(b);
  leader.step({
    type: 'heartbeatReply',
    from: c,
    to: a,
    term: term(99),
    readRound: 0,
    lastIndex: leader.lastIndex,
  });
  expect(leader).toMatchObject({ role: 'follower', transferTarget: undefined });
  expect(refusal(() => leader.transferLeadership(b))).toBe('TUTTI_NOT_LEADER');
});

test('what cannot be is refused at once, each with its code', () => {
  const cluster = new CoreCluster({ learners: ['d'] });
  const leader = cluster.elect('a');
  expect(refusal(() => cluster.core('b').transferLeadership(c))).toBe('TUTTI_NOT_LEADER');
  expect(refusal(() => leader.transferLeadership(a))).toBe('TUTTI_TRANSFER_NEEDLESS');
  expect(refusal(() => leader.transferLeadership(nodeId('z')))).toBe('TUTTI_TRANSFER_UNKNOWN');
  expect(refusal(() => leader.transferLeadership(nodeId('d')))).toBe('TUTTI_TRANSFER_NOT_VOTER');
  leader.transferLeadership(b);
  expect(refusal(() => leader.transferLeadership(c))).toBe('TUTTI_LEADERSHIP_MOVING');
  expect(refusal(() => new CoreCluster({ voters: ['a'] }).elect('a').transferLeadership())).toBe(
    'TUTTI_TRANSFER_UNKNOWN',
  );
});

test('without a target the voter that is furthest is chosen, and one that is silent only if all are', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c', 'd', 'e'], learners: ['f'] });
  const leader = cluster.elect('a');
  leader.propose(command('at a, c, d and f'));
  cluster.settleWithout('b', 'e');
  leader.propose(command('at a, c and f'));
  cluster.settleWithout('b', 'd', 'e');
  expect(leader.successor).toBe('c');
  // Two looks at the quorum without a word of c, while b, d and e answer.
  for (let i = 0; i < 40; i++) {
    leader.tick();
    cluster.settle(
      ({ type, from, to }) =>
        from === 'c' || to === 'c' || type === 'appendEntries' || type === 'appendReply',
    );
  }
  expect(leader.role).toBe('leader');
  expect(leader.transferLeadership()).toBe('d');
});

test('a proposal that was refused meanwhile has not happened', () => {
  const cluster = new CoreCluster();
  const leader = cluster.elect('a');
  leader.transferLeadership(b);
  expect(() => leader.propose(command('refused'))).toThrow('being handed');
  cluster.settle();
  expect(cluster.host('c').applied.map(shown)).not.toContain('refused');
  expect(
    isTuttiError(new TuttiError('TUTTI_LEADERSHIP_MOVING', { target: b }), 'TUTTI_LEADERSHIP_MOVING'),
  ).toBe(true);
});
