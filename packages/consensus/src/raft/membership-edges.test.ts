import { isTuttiError, nodeId, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { MembershipChange } from './membership-change.ts';
import type { RaftMessage } from './messages.ts';
import { CoreCluster, command } from './testing/core-cluster.ts';

const specs = (...names: string[]) => names.map((name) => ({ node: nodeId(name) }));
const remove = (name: string): MembershipChange => ({ type: 'remove', node: nodeId(name) });
const addLearner = (name: string): MembershipChange => ({
  type: 'addLearner',
  member: { node: nodeId(name) },
  promote: false,
});

let count = 0;
const change = (cluster: CoreCluster, at: string, what: MembershipChange) =>
  cluster.core(at).changeMembership(`r${++count}`, what, 100);

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (thrown) {
    return isTuttiError(thrown) ? thrown.code : String(thrown);
  }
  return undefined;
}

/** Lets time pass at the leader, and everything travel but what is lost. */
function pass(
  cluster: CoreCluster,
  leader: string,
  ticks = 4,
  lose?: (message: RaftMessage) => boolean,
): void {
  for (let i = 0; i < ticks; i++) {
    cluster.tick(leader);
    cluster.settle(lose);
  }
}

test('a dead member that is removed, and added again with an empty disk, is brought up from the beginning', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
  cluster.elect('a');
  cluster.core('a').propose(command('x'));
  cluster.settle();
  const isOfC = ({ from, to }: RaftMessage) => from === 'c' || to === 'c';
  change(cluster, 'a', remove('c'));
  pass(cluster, 'a', 4, isOfC);
  const replaced = cluster.add('c');
  change(cluster, 'a', addLearner('c'));
  pass(cluster, 'a');
  expect(replaced.core.lastIndex).toBe(cluster.core('a').lastIndex);
});

test('a voter that has lost all that it acknowledged is brought up again by the same leader, and is needed for it', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
  cluster.elect('a');
  cluster.core('a').propose(command('x'));
  cluster.settle();
  cluster.add('c', cluster.membership);
  cluster.core('a').propose(command('y'));
  const isOfB = ({ from, to }: RaftMessage) => from === 'b' || to === 'b';
  pass(cluster, 'a', 4, isOfB);
  const { term: ledIn, commitIndex } = cluster.core('a');
  expect(commitIndex).toBe(2);
  pass(cluster, 'a', 20, isOfB);
  expect(cluster.core('a')).toMatchObject({ role: 'leader', term: ledIn, commitIndex: 3 });
  expect(cluster.core('c')).toMatchObject({ lastIndex: 3, commitIndex: 3 });
  expect(cluster.host('a').reversions).toEqual([{ peer: 'c', acknowledged: 2, hint: 0 }]);
});

test('a node with a sick disk leads again when a change has left it the only voter', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b'] });
  cluster.elect('a');
  cluster.core('b').setMayLead(false);
  change(cluster, 'a', remove('a'));
  pass(cluster, 'a');
  cluster.tick('b', 20);
  cluster.settle();
  expect(cluster.core('b').role).toBe('leader');
});

test('a leader with a sick disk that was the only voter leads no more when there are others', () => {
  const cluster = new CoreCluster({ voters: ['a'], learners: ['b'] });
  cluster.elect('a');
  cluster.core('a').setMayLead(false);
  expect(cluster.core('a').role).toBe('leader');
  pass(cluster, 'a', 12);
  change(cluster, 'a', { type: 'promote', node: nodeId('b') });
  pass(cluster, 'a');
  expect(cluster.core('a').role).not.toBe('leader');
});

test('a change whose way leads over too many members is refused before anything is begun', () => {
  const learners = Array.from({ length: 61 }, (_, i) => `l${i}`);
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c'], learners });
  cluster.elect('a');
  const last = cluster.core('a').lastIndex;
  const far: MembershipChange = { type: 'set', voters: specs('d', 'e', 'f'), learners: [] };
  expect(codeOf(() => change(cluster, 'a', far))).toBe('TUTTI_MEMBERSHIP_INVALID');
  expect(cluster.core('a').lastIndex).toBe(last);
  expect(codeOf(() => change(cluster, 'a', remove('l1')))).toBeUndefined();
});

test('a candidate that is outside the latest configuration survives a snapshot that shows it to be committed', () => {
  const cluster = new CoreCluster({ voters: ['a', 'b', 'c'], config: { preVote: false } });
  cluster.elect('a');
  change(cluster, 'a', remove('c'));
  const { core } = cluster.host('c');
  // c gets the configuration, and no word that it is committed.
  cluster.host('a').drain();
  const entry = cluster.messages.find((m) => m.type === 'appendEntries' && m.to === 'c')!;
  cluster.messages.length = 0;
  core.step(entry);
  cluster.host('c').flush();
  core.campaign();
  for (const from of ['a', 'b'] as const)
    core.step({
      type: 'voteReply',
      from: nodeId(from),
      to: nodeId('c'),
      term: core.term,
      pre: true,
      campaignTerm: term(core.term + 1),
      granted: true,
    });
  expect(core.role).toBe('candidate');
  const { membership, membershipIndex: index } = core;
  core.snapshotReceived({ index, term: cluster.core('a').term, membership });
  expect(core.term).toBeGreaterThan(cluster.core('a').term);
  expect(() => cluster.host('c').drain()).not.toThrow();
});
