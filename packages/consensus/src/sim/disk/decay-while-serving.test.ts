import { isTuttiError } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { DriveCluster, type DriveNode } from '../testing/drive-cluster.ts';

/** Nothing is read again: whoever needs what has decayed meets it first. */
const UNSCRUBBED = { scrubBytesPerSecond: 0 };
const NEVER = (): void => {};

/** Commits commands among all but one, which is cut off. */
function commitWithout(cluster: DriveCluster, absent: DriveNode, count: number): void {
  cluster.network.isolate(absent.id);
  const { replica, counter } = cluster.leader();
  const before = counter.history.length;
  for (let i = 0; i < count; i++)
    replica.proposeWith('counter', { add: `${before + i}-`.padEnd(1_200, 'x'), by: 1 }, undefined, NEVER);
  const others = cluster.nodes.filter((node) => node !== absent);
  cluster.until('the others have applied', () =>
    others.every((node) => node.counter.history.length === before + count),
  );
  cluster.world.advance(300);
}

const isMended = ({ replica }: DriveNode): boolean => replica.stats().decayMended > 0;

test('a leader that meets decay when it sends entries to a follower has it mended, and goes on leading', () => {
  const cluster = new DriveCluster(3, UNSCRUBBED);
  cluster.commit(6);
  const [leader, lagging] = [cluster.leader(), cluster.follower()];
  commitWithout(cluster, lagging, 20);
  const { term, lastIndex } = leader.replica.status();
  cluster.rot(leader, lastIndex - 8);
  cluster.network.heal();
  cluster.until('it has everything', () => lagging.counter.history.length === 26, 5_000);
  expect(leader.failure).toBeUndefined();
  expect(leader.replica.status()).toMatchObject({ role: 'leader', term });
  cluster.until('it is mended', () => isMended(leader));
  expect(leader.replica.stats().decayFound).toBe(1);
  expect(leader.store.entries(leader.store.firstIndex, lastIndex, Infinity).at(-1)!.index).toBe(lastIndex);
  cluster.commit(3);
});

test('what nobody else has is sent as a snapshot of the state that has applied it', () => {
  const cluster = new DriveCluster(3, UNSCRUBBED);
  cluster.commit(6);
  const [leader, lagging] = [cluster.leader(), cluster.follower()];
  const other = cluster.nodes.find((node) => node !== leader && node !== lagging)!;
  commitWithout(cluster, lagging, 20);
  cluster.rot(leader, leader.replica.status().lastIndex - 8);
  other.replica.crash();
  other.end();
  cluster.network.detach(other.id);
  cluster.network.heal();
  cluster.until('it has everything', () => lagging.counter.history.length === 26);
  expect(lagging.counter.history).toEqual(leader.counter.history);
  expect(lagging.replica.stats().snapshotsInstalled).toBe(1);
  expect(leader.failure).toBeUndefined();
  cluster.until('it is mended', () => isMended(leader));
});

/** Starts a follower anew that hears nobody yet, so that it has all its log and has applied nothing. */
function unheard(cluster: DriveCluster): DriveNode {
  const member = cluster.follower();
  cluster.network.isolate(member.id);
  cluster.restart(member);
  cluster.until('it is open', () => member.replica.status().lastIndex > 0);
  return member;
}

test('what a node is to apply next is waited for until it is mended', () => {
  const cluster = new DriveCluster(3, UNSCRUBBED);
  cluster.commit(20);
  const member = unheard(cluster);
  cluster.rot(member, 12);
  cluster.network.heal();
  cluster.until('it has applied everything', () => member.counter.history.length === 20, 5_000);
  expect(member.failure).toBeUndefined();
  expect(member.replica.stats()).toMatchObject({ decayFound: 1, decayMended: 1, repairs: 0 });
});

test('what a node is to apply next and nobody has any more ends it, and its next life is given a snapshot', () => {
  const cluster = new DriveCluster(3, UNSCRUBBED);
  cluster.commit(20);
  const member = unheard(cluster);
  for (const node of cluster.nodes) cluster.rot(node, 12);
  cluster.network.heal();
  cluster.until('it gives up', () => member.failure !== undefined);
  expect(isTuttiError(member.failure, 'TUTTI_STORE_CORRUPT')).toBe(true);
  for (const node of cluster.nodes) if (node !== member) expect(node.failure).toBeUndefined();
  cluster.restart(member);
  cluster.until('it has applied everything', () => member.counter.history.length === 20);
  expect(member.replica.stats().repairs).toBe(1);
});
