import { logIndex, type NodeId, nodeId, TuttiError, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { ConsensusStatus } from '../../consensus.ts';
import type { Entry } from '../../raft/messages.ts';
import { membershipStatus } from '../../replica/membership-status.ts';
import { LogImage } from '../sim-disk.ts';
import { Violations } from '../violations.ts';
import { ClientHistory } from './client-history.ts';
import { Commitment } from './commitment.ts';
import { ElectionSafety } from './election-safety.ts';
import { LogMatching } from './log-matching.ts';
import { MembershipAgreement } from './membership-agreement.ts';
import { Monotonic } from './monotonic.ts';
import { OpenedOnce } from './opened-once.ts';
import { RegisterHistory } from './register-history.ts';
import { StateMachineSafety } from './state-machine-safety.ts';

const [a, b, c] = ['a', 'b', 'c'].map(nodeId) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
];

const entry = (index: number, inTerm: number, byte = 0): Entry => ({
  index: logIndex(index),
  term: term(inTerm),
  kind: 'command',
  data: Uint8Array.of(byte),
});

const claiming = (commitIndex: number, inTerm: number): ConsensusStatus => ({
  nodeId: a,
  role: 'leader',
  term: term(inTerm),
  leader: a,
  commitIndex: logIndex(commitIndex),
  appliedIndex: logIndex(0),
  lastIndex: logIndex(commitIndex),
  voters: [a, b, c],
  membership: membershipStatus(a, { voters: [a, b, c], learners: [] }, logIndex(0), true),
  snapshotIndex: logIndex(0),
});

function findings(): { violations: Violations; found: () => string | undefined } {
  const violations = new Violations(() => 0);
  return { violations, found: () => violations.first?.checker };
}

test('two leaders of one term are found, one leader of two terms is fine', () => {
  const { violations, found } = findings();
  const checker = new ElectionSafety({ violations });
  checker.elected(a, term(1));
  checker.elected(a, term(1));
  checker.elected(a, term(2));
  expect(found()).toBeUndefined();
  checker.elected(b, term(2));
  expect(found()).toBe('election safety');
});

test('an entry with other contents, or another predecessor, than its index and term had is found', () => {
  for (const wrong of ['contents', 'predecessor']) {
    const { violations, found } = findings();
    const checker = new LogMatching({ violations });
    checker.written(a, entry(2, 3), term(1));
    checker.written(b, entry(2, 3), term(1));
    checker.written(b, entry(2, 4), term(2));
    expect(found()).toBeUndefined();
    if (wrong === 'contents') checker.written(c, entry(2, 3, 9), term(1));
    else checker.written(c, entry(2, 3), term(2));
    expect(found()).toBe('log matching');
  }
});

test('a commit needs a majority of disks, and every later leader needs the entry', () => {
  const images = [new LogImage(), new LogImage(), new LogImage()];
  const [first, second, third] = images as [LogImage, LogImage, LogImage];
  const disks = new Map([
    [a, first],
    [b, second],
    [c, third],
  ]);
  const durable = (node: NodeId) => disks.get(node)!;
  const { violations, found } = findings();
  const checker = new Commitment({ violations, durable });
  first.put(entry(1, 1));
  second.put(entry(1, 1));
  checker.observed(a, claiming(1, 2));
  checker.elected(b, term(3));
  // A leader of the same term or an earlier one, heard of late, owes nothing.
  checker.elected(c, term(2));
  expect(found()).toBeUndefined();
  third.put(entry(1, 2));
  checker.elected(c, term(3));
  expect(found()).toBe('leader completeness');

  const again = findings();
  first.put(entry(2, 2));
  new Commitment({ violations: again.violations, durable }).observed(a, claiming(2, 2));
  expect(again.found()).toBe('committed on a quorum');
});

test('different commands or results at one index are found', () => {
  const { violations, found } = findings();
  const checker = new StateMachineSafety({ violations });
  checker.applied(a, logIndex(4), 'x = 1');
  checker.applied(b, logIndex(4), 'x = 1');
  expect(found()).toBeUndefined();
  checker.applied(c, logIndex(4), 'x = 2');
  expect(found()).toBe('state machine safety');
});

test('a second session of one opening is found', () => {
  const { violations, found } = findings();
  const checker = new OpenedOnce({ violations });
  checker.observed(a, claiming(1, 1), { reopened: 0 });
  expect(found()).toBeUndefined();
  checker.observed(a, claiming(2, 1), { reopened: 1 });
  expect(found()).toBe('an opening makes one session');
});

test('a falling index within a life is found, a new life may begin lower; a changed vote is found', () => {
  const { violations, found } = findings();
  const checker = new Monotonic({ violations });
  const at = (commit: number) => ({
    term: term(1),
    commitIndex: logIndex(commit),
    appliedIndex: logIndex(0),
  });
  checker.observed(a, at(5));
  checker.born(a);
  checker.observed(a, at(3));
  expect(found()).toBeUndefined();
  checker.observed(a, at(2));
  expect(found()).toBe('monotonic');

  for (const falling of ['term', 'commitIndex', 'appliedIndex'] as const) {
    const one = findings();
    const follower = new Monotonic({ violations: one.violations });
    const seen = { term: term(4), commitIndex: logIndex(4), appliedIndex: logIndex(4) };
    follower.observed(a, seen);
    follower.observed(a, { ...seen, [falling]: 3 });
    expect(one.violations.first?.problem).toContain(falling);
  }

  const votes = findings();
  const durable = new Monotonic({ violations: votes.violations });
  durable.hardState(a, { term: term(1), votedFor: b }, { term: term(2), votedFor: undefined });
  durable.hardState(a, { term: term(2), votedFor: undefined }, { term: term(2), votedFor: c });
  expect(votes.found()).toBeUndefined();
  durable.hardState(a, { term: term(2), votedFor: c }, { term: term(2), votedFor: b });
  expect(votes.found()).toBe('monotonic');

  const terms = findings();
  const forgetful = new Monotonic({ violations: terms.violations });
  forgetful.hardState(a, { term: term(3), votedFor: undefined }, { term: term(2), votedFor: undefined });
  expect(terms.found()).toBe('monotonic');
});

test('a read that misses what was acknowledged before it began is found', () => {
  const { violations, found } = findings();
  const checker = new ClientHistory(violations);
  const floor = checker.floor('k');
  checker.acknowledged('k', 11, 0, 0);
  checker.read(a, 'k', floor, []);
  expect(found()).toBeUndefined();
  checker.read(a, 'k', checker.floor('k'), []);
  expect(found()).toBe('linearizable reads');
});

test('a serial applied twice, and an acknowledged one that is gone, are found', () => {
  const twice = findings();
  new ClientHistory(twice.violations).settle(new Map([['k', [1, 2, 1]]]));
  expect(twice.found()).toBe('exactly once');
  const gone = findings();
  const checker = new ClientHistory(gone.violations);
  checker.acknowledged('k', 1, 0, 0);
  checker.settle(new Map([['k', [2]]]));
  expect(gone.found()).toBe('durability of acknowledged writes');
});

test('an append that takes a place from before it began, and one that was said never to be, are found', () => {
  const early = findings();
  const history = new ClientHistory(early.violations);
  history.acknowledged('k', 1, 4, 0);
  history.acknowledged('k', 2, 3, history.floor('k'));
  expect(early.found()).toBe('linearizable appends');

  const denied = findings();
  const other = new ClientHistory(denied.violations);
  other.failed(a, 7, new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what: 'A call', when: 'in time' }));
  other.settle(new Map([['k', [7]]]));
  expect(denied.found()).toBeUndefined();
  other.failed(a, 7, new TuttiError('TUTTI_CLOSED', { what: 'This replica' }));
  other.settle(new Map([['k', [7]]]));
  expect(denied.found()).toBe('failed calls');
});

test('two reads that show different serials at one place are found', () => {
  const { violations, found } = findings();
  const history = new ClientHistory(violations);
  history.read(a, 'k', 0, [1, 2]);
  history.read(b, 'k', 0, [1, 2]);
  expect(found()).toBeUndefined();
  history.read(b, 'k', 0, [1, 3]);
  expect(found()).toBe('exactly once');
});

test('a register that answers what no order explains is found, and what clients saw is kept', () => {
  const { violations, found } = findings();
  const history = new RegisterHistory(violations);
  const key = history.key('k1');
  history.begin('ann', { op: 'write', key, value: 1 }).returned('done');
  history.begin('bob', { op: 'read', key }).returned(null);
  history.judge(new Map([[key, 1]]));
  expect(found()).toBe('linearizable per key');
  const { evidence, problem } = violations.first!;
  expect(problem).toContain('bob: read -> null');
  expect(evidence?.page).toContain('bob');
  expect(evidence?.operations).toHaveLength(3);
});

test('a swap that took effect and was answered as if it had not is found, and so is an acknowledged write that is gone', () => {
  const swapped = findings();
  const twice = new RegisterHistory(swapped.violations);
  const key = twice.key('k1');
  twice.begin('ann', { op: 'cas', key, from: null, to: 1 }).returned(false);
  twice.judge(new Map([[key, 1]]));
  expect(swapped.found()).toBe('linearizable per key');

  const gone = findings();
  const lost = new RegisterHistory(gone.violations);
  lost.begin('ann', { op: 'write', key, value: 1 }).returned('done');
  lost.judge(new Map());
  expect(gone.found()).toBe('linearizable per key');
});

test('what was not answered may have happened or not, what was refused for good may not', () => {
  const key = 'k1.0';
  for (const [ending, value, expected] of [
    ['unknown', 1, undefined],
    ['unknown', null, undefined],
    ['failed', null, undefined],
    ['failed', 1, 'linearizable per key'],
  ] as const) {
    const { violations, found } = findings();
    const history = new RegisterHistory(violations);
    const call = history.begin('ann', { op: 'write', key, value: 1 });
    if (ending === 'failed') call.failed();
    history.begin('bob', { op: 'read', key });
    history.judge(new Map(value === null ? [] : [[key, value]]));
    expect(found(), `${ending}, then ${value}`).toBe(expected);
  }
});

test('a history that is not judged is no pass, and no register has so many calls that it could not be', () => {
  const { violations, found } = findings();
  const history = new RegisterHistory(violations, 1);
  const calls = 200;
  const keys = new Map<string, number>();
  for (let value = 1; value <= calls; value++) {
    const key = history.key('k1');
    keys.set(key, (keys.get(key) ?? 0) + 1);
    history.begin('ann', { op: 'write', key, value }).returned('done');
  }
  expect(Math.max(...keys.values())).toBeLessThan(calls / 2);
  history.judge(new Map());
  expect(found()).toBe('the simulator judges every history');
});

test('two configurations at one committed entry are found, one after another are fine', () => {
  const by = (index: number, commitIndex: number, ...voters: (typeof a)[]) => ({
    ...claiming(commitIndex, 1),
    membership: membershipStatus(a, { voters, learners: [] }, logIndex(index), true),
  });
  const { violations, found } = findings();
  const checker = new MembershipAgreement({ violations, durable: () => new LogImage() });
  checker.observed(a, by(0, 4, a, b, c));
  checker.observed(a, by(5, 7, a, b));
  checker.observed(b, by(0, 4, a, b, c));
  checker.observed(b, by(5, 8, b, a));
  expect(found()).toBeUndefined();
  // It missed entry 5.
  checker.observed(c, by(0, 6, a, b, c));
  expect(found()).toBe('one configuration at each entry');
});
