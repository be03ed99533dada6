import { isTuttiError, type NodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { ProposeOptions } from '../consensus.ts';
import { type Call, ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

/** How a call ended so far: a code and whom it names, or what it gave. */
const outcomeOf = ({ done, failure, result }: Call): unknown => {
  if (!done) return 'waits';
  return isTuttiError(failure) ? [failure.code, failure.details['leader']] : (failure ?? result);
};

function call(begin: (done: (failure: Error | undefined, result?: never) => void) => void): Call {
  const made: Call = { done: false, failure: undefined, result: undefined };
  begin((failure, result) => Object.assign(made, { done: true, failure, result }));
  return made;
}

const propose = ({ replica }: TestNode, options?: ProposeOptions): Call =>
  call((done) => replica.proposeWith('counter', { add: 'x', by: 1 }, options, done as never));
const read = ({ replica }: TestNode, options?: ProposeOptions): Call =>
  call((done) => replica.readBarrierWith(options, done as never));
const remove = ({ replica }: TestNode, node: NodeId, options?: ProposeOptions): Call =>
  call((done) => replica.changeMembershipWith({ type: 'remove', node }, options, done));

const refuse: ProposeOptions = { elsewhere: 'refuse' };

function led(elsewhere?: 'refuse' | 'forward') {
  const cluster = new ReplicaCluster(3, elsewhere ? { elsewhere } : {});
  cluster.startAll();
  const leader = cluster.electLeader();
  const follower = cluster.followers()[0]!;
  cluster.until('it knows its leader', () => follower.replica.status().leader === leader.id);
  return { cluster, leader, follower };
}

test('a node that does not lead refuses at once what is not to be forwarded, and names the leader', () => {
  const { cluster, leader, follower } = led();
  for (const made of [propose(follower, refuse), read(follower, refuse), remove(follower, leader.id, refuse)])
    expect(outcomeOf(made)).toEqual(['TUTTI_NOT_LEADER', leader.id]);
  const taken = [propose(leader, refuse), read(leader, refuse), propose(follower), read(follower)];
  cluster.until('the others are done', () => taken.every(({ done }) => done));
  expect(taken.map(({ failure }) => failure)).toEqual([undefined, undefined, undefined, undefined]);
  cluster.run(200);
  expect(follower.counter.history).toHaveLength(2);
});

test('a replica may be made to refuse, and a call may say otherwise', () => {
  const { cluster, leader, follower } = led('refuse');
  expect(outcomeOf(propose(follower))).toEqual(['TUTTI_NOT_LEADER', leader.id]);
  expect(outcomeOf(read(follower))).toEqual(['TUTTI_NOT_LEADER', leader.id]);
  const forwarded = propose(follower, { elsewhere: 'forward' });
  cluster.until('it is done', () => forwarded.done);
  expect(outcomeOf(forwarded)).toBe(1);
});

test('without a known leader it says that there is none', () => {
  const cluster = new ReplicaCluster(3);
  cluster.start(cluster.nodes[0]!);
  cluster.run(50);
  expect(outcomeOf(propose(cluster.nodes[0]!, refuse))).toEqual(['TUTTI_NOT_LEADER', null]);
});

test('what a leader took in and did not begin before it led no more goes nowhere else', () => {
  const { cluster, leader, follower } = led();
  const warm = propose(leader);
  cluster.until('there is a session', () => warm.done);
  leader.replica.transferLeadershipWith(follower.id, () => {});
  const [refusing, forwarding] = [propose(leader, refuse), propose(leader)];
  expect(outcomeOf(refusing)).toBe('waits');
  cluster.until('both are answered', () => refusing.done && forwarding.done);
  expect(isTuttiError(refusing.failure, 'TUTTI_NOT_LEADER')).toBe(true);
  expect(outcomeOf(forwarding)).toBe(2);
  cluster.run(500);
  expect(follower.counter.history).toHaveLength(2);
});

test('a read that its leader could not confirm before it was deposed is not asked elsewhere', () => {
  const { cluster, leader } = led();
  cluster.network.isolate(leader.id);
  const [refusing, forwarding] = [read(leader, refuse), read(leader)];
  cluster.until('it knows that it leads no more', () => refusing.done);
  expect(outcomeOf(refusing)).toEqual(['TUTTI_NOT_LEADER', null]);
  cluster.network.heal();
  cluster.until('the other is answered by the next leader', () => forwarding.done);
  expect(forwarding.failure).toBeUndefined();
});
