import { describe, expect, test } from 'vitest';
import { DriveCluster, type DriveNode } from '../testing/drive-cluster.ts';

const entriesOf = ({ store }: DriveNode) =>
  store.entries(store.firstIndex, store.lastIndex, Infinity).map(({ index, term, data }) => ({
    index,
    term,
    data: Buffer.from(data).toString('latin1'),
  }));

const isMended = ({ replica }: DriveNode): boolean => replica.stats().decayMended > 0;

/** A restart finds everything in its place, and nothing to repair. */
function expectWhole(cluster: DriveCluster, node: DriveNode): void {
  const before = entriesOf(node);
  const applied = [...node.counter.history];
  cluster.restart(node);
  cluster.until('it runs again', () => node.replica.status().appliedIndex >= before.at(-1)!.index);
  expect(node.replica.stats().repairs).toBe(0);
  // Opening may bring back entries of a segment that compaction has not removed.
  const after = entriesOf(node).filter(({ index }) => index >= before[0]!.index);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(node.counter.history).toEqual(applied);
}

describe('a committed record that decays in a running member', () => {
  test('is found and put right from a peer, byte for byte, while the member goes on', () => {
    const cluster = new DriveCluster(3);
    cluster.commit(40);
    const member = cluster.follower();
    const { file } = cluster.recordOf(member, 15);
    const before = file.contents();
    const { path } = cluster.rot(member, 15);
    expect(Buffer.compare(file.contents(), before)).not.toBe(0);
    cluster.until('it is mended', () => isMended(member));
    expect(member.replica.status().role).toBe('follower');
    const now = member.drive.file(path)!.contents();
    // The first 64 bytes may say how far the log was flushed.
    expect(Buffer.compare(now.subarray(64), before.subarray(64))).toBe(0);
    const { decayFound, decayMended, scrubPasses } = member.replica.stats();
    expect({ decayFound, decayMended }).toEqual({ decayFound: 1, decayMended: 1 });
    cluster.until('another pass', () => member.replica.stats().scrubPasses > scrubPasses + 1);
    expect(member.replica.stats().decayFound).toBe(1);
    expectWhole(cluster, member);
  });

  test('is put right where only one of the others has a good copy', () => {
    const cluster = new DriveCluster(5);
    cluster.commit(40);
    const [good, ...others] = cluster.nodes;
    const before = entriesOf(good!);
    for (const node of others) cluster.rot(node, 20);
    cluster.until('all are mended', () => others.every(isMended));
    for (const node of others) {
      expect(node.failure).toBeUndefined();
      expect(entriesOf(node)).toEqual(before);
    }
    for (const node of others) expectWhole(cluster, node);
  });

  test('is put right in the leader, and in the segment that is written to', () => {
    const cluster = new DriveCluster(3);
    cluster.commit(6);
    const leader = cluster.leader();
    const before = entriesOf(leader);
    cluster.rot(leader, leader.store.lastIndex);
    cluster.until('it is mended', () => isMended(leader));
    expect(entriesOf(leader)).toEqual(before);
    cluster.commit(5);
    expectWhole(cluster, leader);
  });

  test('is taken out of the log where a snapshot covers it and nobody has it any more', () => {
    const cluster = new DriveCluster(3, { snapshotEntries: 20, trailingEntries: 18 });
    cluster.commit(40);
    const member = cluster.follower();
    expect(member.store.snapshot()?.meta.index).toBeGreaterThanOrEqual(40);
    const index = Number(member.store.firstIndex) + 3;
    for (const node of cluster.nodes) cluster.rot(node, index);
    cluster.until('all are mended', () => cluster.nodes.every(isMended));
    for (const node of cluster.nodes) {
      expect(node.store.firstIndex).toBe(index + 1);
      expect(node.store.lastIndex).toBeGreaterThanOrEqual(40);
    }
    cluster.commit(5);
    expectWhole(cluster, member);
  });

  test('is put right by a single node too, which takes a snapshot of what it was made into', () => {
    const cluster = new DriveCluster(1);
    cluster.commit(30);
    const [node] = cluster.nodes;
    cluster.rot(node!, 12);
    cluster.until('it is mended', () => isMended(node!));
    expect(node!.store.snapshot()!.meta.index).toBeGreaterThanOrEqual(12);
    expect(node!.store.firstIndex).toBeGreaterThan(12);
    expectWhole(cluster, node!);
  });

  test('waits for a peer that has it, and costs the member nothing meanwhile', () => {
    const cluster = new DriveCluster(3);
    cluster.commit(40);
    const member = cluster.follower();
    cluster.rot(member, 15);
    cluster.network.drops = (_from, _to, message) => [30, 31].includes((message as number[])[0]!);
    cluster.until('it is found', () => member.replica.stats().decayFound > 0);
    cluster.commit(5);
    cluster.network.drops = () => false;
    cluster.until('it is mended', () => isMended(member));
    expectWhole(cluster, member);
  });
});

test('a snapshot that decays in a running member is taken once more', () => {
  const cluster = new DriveCluster(3, { snapshotEntries: 20, trailingEntries: 2 });
  cluster.commit(40);
  const member = cluster.follower();
  const path = member.drive.paths().find((name) => name.endsWith('.snap'))!;
  const before = member.drive.file(path)!.contents();
  for (const at of [20, before.length >> 1, before.length - 3]) {
    const found = member.replica.stats().decayFound;
    member.drive.file(path)!.rot(at, 3);
    cluster.until('it is found', () => member.replica.stats().decayFound > found);
    cluster.until('it is mended', () => member.replica.stats().decayMended > found);
    const now = member.drive.paths().filter((name) => name.endsWith('.snap'));
    expect(now).toEqual([path]);
    expect(Buffer.compare(member.drive.file(path)!.contents(), before)).toBe(0);
  }
  expectWhole(cluster, member);
});

test('a store that is written to all the time is read again all the same, at the lowest rate', () => {
  const least = 2 ** 15;
  const pace = { scrubEveryMs: 0, scrubBytesPerSecond: 2 ** 20 };
  const committedIn = (scrubBytesPerSecondMin: number) => {
    const cluster = new DriveCluster(1, { ...pace, scrubBytesPerSecondMin });
    cluster.commit(60);
    const [node] = cluster.nodes;
    const before = { ...node!.replica.stats(), count: node!.counter.history.length };
    const propose = (): void =>
      node!.replica.proposeWith('counter', { add: 'x'.repeat(100), by: 1 }, undefined, propose);
    for (let i = 0; i < 3; i++) propose();
    cluster.world.advance(2_000);
    const bytes = node!.replica.stats().scrubbedBytes - before.scrubbedBytes;
    return { bytes, count: node!.counter.history.length - before.count };
  };
  const read = committedIn(least);
  expect(read.bytes).toBeGreaterThan(least);
  const unread = committedIn(0);
  expect(unread.bytes).toBe(0);
  // Reading takes no writes away.
  expect(read.count).toBeGreaterThan(0.95 * unread.count);
});

test('reading again keeps to its pace, and reads nothing where it is told to', () => {
  const paced = new DriveCluster(1, { scrubEveryMs: 0, scrubBytesPerSecond: 8_192 });
  paced.commit(60);
  const [node] = paced.nodes;
  const { scrubbedBytes } = node!.replica.stats();
  paced.world.advance(30_000);
  const bytes = node!.replica.stats().scrubbedBytes - scrubbedBytes;
  // One piece of 64 KiB at most is read before its bytes are earned.
  expect(bytes).toBeLessThanOrEqual(30 * 8_192 + 65_536);
  expect(bytes).toBeGreaterThan(15 * 8_192);
  const off = new DriveCluster(1, { scrubBytesPerSecond: 0 });
  off.commit(20);
  off.world.advance(10_000);
  expect(off.nodes[0]!.replica.stats().scrubbedBytes).toBe(0);
});
