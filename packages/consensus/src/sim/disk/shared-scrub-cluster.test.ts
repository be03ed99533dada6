import { describe, expect, test } from 'vitest';
import { DriveGroups, type GroupsOnDrive } from '../testing/drive-groups.ts';
import { driven } from '../testing/driven.ts';

const mendedOf = (node: GroupsOnDrive, name: string): number => node.groups.get(name)!.stats().decayMended;

/** Passes over everything that is stored, until one has begun and ended after this was called. */
function pass(cluster: DriveGroups, node: GroupsOnDrive): void {
  const { passes } = node.groups.scrubbed();
  cluster.until('two passes', () => node.groups.scrubbed().passes > passes + 1);
}

/** A restart finds every group with all that it had, and nothing to repair. */
function expectWhole(cluster: DriveGroups, node: GroupsOnDrive): void {
  pass(cluster, node);
  const before = cluster.names.map((name) => cluster.entriesOf(node, name));
  const terms = cluster.names.map((name) => node.groups.get(name)!.status().term);
  cluster.restart(node);
  cluster.until('all take part', () => cluster.names.every((name) => node.groups.get(name)?.quiescence));
  for (const [i, name] of cluster.names.entries()) {
    const { repairs } = node.groups.get(name)!.stats();
    expect({ name, repairs }).toEqual({ name, repairs: 0 });
    const first = before[i]![0]?.index ?? 1;
    const after = cluster.entriesOf(node, name).filter(({ index }) => index >= first);
    expect(after.slice(0, before[i]!.length)).toEqual(before[i]);
    expect(node.groups.get(name)!.status().term).toBeGreaterThanOrEqual(terms[i]!);
  }
}

describe('a record of a shared log that decays in a running member', () => {
  test('does not stop a leader that needs it for a follower before it is read again', () => {
    const cluster = new DriveGroups(2, { scrubEveryMs: 3_600_000 });
    cluster.commit(4);
    const lagging = cluster.follower('group-0');
    const leads = ({ groups }: GroupsOnDrive): boolean =>
      groups.get('group-0') === cluster.leaderOf('group-0');
    const leader = cluster.nodes.find(leads)!;
    cluster.network.isolate(lagging.id);
    const countOf = ({ counters }: GroupsOnDrive): number => counters.get('group-0')!.history.length;
    for (let count = 5; count <= 12; count++) {
      cluster.leaderOf('group-0')!.proposeWith('counter', { add: `${count}`, by: 1 }, undefined, () => {});
      cluster.until('it is committed', () => countOf(leader) === count);
    }
    cluster.world.advance(300);
    cluster.rot(cluster.recordsOf(leader, 'group-0').at(-4)!);
    cluster.network.heal();
    cluster.until('it has everything', () => countOf(lagging) === 12);
    expect(leads(leader)).toBe(true);
    cluster.until('it is mended', () => mendedOf(leader, 'group-0') > 0);
  });

  test('is found, and its group puts it right from a peer; the others notice nothing', () => {
    const cluster = new DriveGroups(4);
    cluster.commit(10);
    const node = cluster.follower('group-1');
    const before = cluster.entriesOf(node, 'group-1');
    cluster.rot(cluster.recordOf(node, 'group-1', 5));
    expect(() => cluster.entriesOf(node, 'group-1')).toThrow('cannot be read back');
    cluster.until('it is mended', () => mendedOf(node, 'group-1') > 0);
    expect(cluster.entriesOf(node, 'group-1')).toEqual(before);
    pass(cluster, node);
    const counted = cluster.names.map((name) => node.groups.get(name)!.stats());
    expect(counted.map(({ decayFound }) => decayFound)).toEqual([0, 1, 0, 0]);
    cluster.commit(3);
    expectWhole(cluster, node);
  });

  test('is put right while every group sleeps', () => {
    const cluster = new DriveGroups(3);
    cluster.commit(5);
    const isQuiet = ({ groups }: GroupsOnDrive): boolean => groups.counts().quiet === 3;
    cluster.until('all sleep', () => cluster.nodes.every(isQuiet));
    const [node] = cluster.nodes;
    for (const name of cluster.names) cluster.rot(cluster.recordOf(node!, name, 3));
    cluster.until('all are mended', () => cluster.names.every((name) => mendedOf(node!, name) > 0));
    cluster.until('all sleep again', () => cluster.nodes.every(isQuiet));
    expectWhole(cluster, node!);
  });

  test('costs no group its term and vote where those stood in it', () => {
    const cluster = new DriveGroups(3);
    cluster.commit(2);
    const node = cluster.follower('group-2');
    const votes = cluster.recordsOf(node, 'group-2').filter(({ hasHardState }) => hasHardState);
    cluster.rot(votes.at(-1)!);
    expectWhole(cluster, node);
  });

  test('is put right whichever of its group it is, and whatever stands behind it', () => {
    for (const [at, commits] of [
      [0, 4],
      [1, 4],
      [3, 12],
    ] as const) {
      const cluster = new DriveGroups(2);
      cluster.commit(commits);
      const node = cluster.follower('group-0');
      cluster.rot(cluster.recordsOf(node, 'group-0')[at]!);
      cluster.rot(cluster.recordsOf(node, 'group-0').at(-2)!);
      expectWhole(cluster, node);
    }
  });

  test('is put right where it has decayed twice, the second time in what made up for it', () => {
    const cluster = new DriveGroups(2);
    cluster.commit(8);
    const node = cluster.follower('group-1');
    for (let round = 1; round <= 3; round++) {
      cluster.rot(cluster.recordOf(node, 'group-1', 4));
      cluster.until('it is mended', () => mendedOf(node, 'group-1') === round);
      pass(cluster, node);
    }
    expectWhole(cluster, node);
  });

  test('is made up for when its group is in use again, where it was not', async () => {
    const cluster = new DriveGroups(2);
    cluster.commit(8);
    const node = cluster.follower('group-0');
    const before = cluster.entriesOf(node, 'group-0');
    await driven(cluster.world, node.groups.remove('group-0'));
    cluster.rot(cluster.recordOf(node, 'group-0', 4));
    pass(cluster, node);
    cluster.add(node, 'group-0');
    const isRepaired = (): boolean => (node.groups.get('group-0')?.stats().repairs ?? 0) === 1;
    cluster.until('it is repaired', isRepaired);
    expect(cluster.entriesOf(node, 'group-0').slice(0, before.length)).toEqual(before);
    expectWhole(cluster, node);
  });
});

test('a snapshot of a group that decays in a running member is taken once more', () => {
  const cluster = new DriveGroups(3, { snapshotEntries: 8, trailingEntries: 2 });
  cluster.commit(20);
  const [node] = cluster.nodes;
  const path = node!.drive.paths().find((name) => name.includes('group-1') && name.endsWith('.snap'))!;
  const file = node!.drive.file(path)!;
  file.rot(file.size >> 1, 3);
  cluster.until('it is mended', () => mendedOf(node!, 'group-1') > 0);
  const isThere = (): boolean => node!.drive.paths().some((name) => node!.drive.file(name) === file);
  cluster.until('the old one is gone', () => !isThere());
  expectWhole(cluster, node!);
});

test('what cannot be read keeps a shared log from being cleaned until it is mended, and nothing is lost', () => {
  const cluster = new DriveGroups(2, { snapshotEntries: 10_000, scrubEveryMs: 3_600_000 }, 6_000);
  cluster.commit(3);
  const node = cluster.follower('group-0');
  cluster.rot(cluster.recordOf(node, 'group-0', 2));
  // What cannot be read is looked for at once, though no pass is due for an hour.
  cluster.until('it is mended', () => {
    cluster.commit(1);
    return mendedOf(node, 'group-0') > 0;
  });
  cluster.commit(20);
  const before = cluster.names.map((name) => cluster.entriesOf(node, name));
  cluster.restart(node);
  cluster.until('all take part', () => cluster.names.every((name) => node.groups.get(name)?.quiescence));
  for (const [i, name] of cluster.names.entries()) {
    expect(node.groups.get(name)!.stats().repairs).toBe(0);
    expect(cluster.entriesOf(node, name).slice(0, before[i]!.length)).toEqual(before[i]);
  }
});

test('the pace is one for all groups of a node', () => {
  const cluster = new DriveGroups(6, { scrubEveryMs: 0, scrubBytesPerSecond: 8_192 });
  cluster.commit(5);
  const [node] = cluster.nodes;
  const { bytes } = node!.groups.scrubbed();
  cluster.world.advance(30_000);
  const read = node!.groups.scrubbed().bytes - bytes;
  // One piece of 64 KiB at most is read before its bytes are earned.
  expect(read).toBeLessThanOrEqual(30 * 8_192 + 65_536);
  expect(read).toBeGreaterThan(15 * 8_192);
});
