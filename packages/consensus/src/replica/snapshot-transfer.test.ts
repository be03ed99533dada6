import { logIndex, TuttiError, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { StoredSnapshot } from '../storage/log-store.ts';
import type { ReplicaConfig } from './replica-options.ts';
import { SnapshotReading } from './snapshot-reading.ts';
import { ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

const APPEND_ENTRIES = 3;
const HEARTBEAT = 5;
const INSTALL_SNAPSHOT = 9;
const compacting = { snapshotEntries: 20, trailingEntries: 5, snapshotChunkBytes: 300 };

function fill(cluster: ReplicaCluster, node: TestNode, count: number): void {
  const calls = Array.from({ length: count }, (_, i) => cluster.propose(node, `fill${i}`));
  cluster.until('the log is filled', () => calls.every((call) => call.done));
  for (const call of calls) expect(call.failure).toBeUndefined();
}

test('a transfer that broke off keeps nobody from taking snapshots, once the log has brought what it was to bring', () => {
  const cluster = new ReplicaCluster(3, (id) => (id === 'n3' ? { snapshotEntries: 1e6 } : compacting));
  cluster.startAll();
  const keeper = cluster.nodes[2]!;
  cluster.network.isolate(keeper.id);
  const leader = cluster.electLeader();
  const absent = cluster.nodes.find((node) => node !== leader && node !== keeper)!;
  cluster.network.heal();
  fill(cluster, leader, 1);
  cluster.crash(absent);
  for (let i = 0; i < 5; i++) fill(cluster, leader, 25);
  let chunks = 0;
  cluster.network.drops = (_from, _to, message) =>
    (message as number[])[0] === INSTALL_SNAPSHOT && ++chunks > 1;
  cluster.start(absent);
  cluster.until('the transfer broke off', () => chunks > 2);
  cluster.crash(leader);
  cluster.until('the log has brought it', () => absent.counter.history.length === 126);
  expect(absent.replica.stats().snapshotsInstalled).toBe(0);
  for (let i = 0; i < 3; i++) fill(cluster, keeper, 25);
  cluster.until('it has them too', () => absent.counter.history.length === 201);
  cluster.run(100);
  expect(absent.replica.stats().snapshotsTaken).toBeGreaterThan(0);
  expect(absent.store.firstIndex).toBeGreaterThan(1);
});

test('a follower that dies during a transfer does not keep its leader from taking snapshots', () => {
  const cluster = new ReplicaCluster(3, compacting);
  cluster.startAll();
  const leader = cluster.electLeader();
  const [absent, other] = cluster.followers();
  cluster.crash(absent!);
  for (let i = 0; i < 5; i++) fill(cluster, leader, 25);
  let chunks = 0;
  cluster.network.drops = (_from, _to, message) =>
    (message as number[])[0] === INSTALL_SNAPSHOT && ++chunks > 1;
  cluster.start(absent!);
  cluster.until('the transfer is under way', () => chunks > 1);
  cluster.crash(absent!);
  const before = leader.replica.status().snapshotIndex;
  fill(cluster, leader, 100);
  cluster.run(30_000);
  fill(cluster, leader, 25);
  cluster.run(1_000);
  expect(leader.replica.status().snapshotIndex).toBeGreaterThan(before);
  cluster.network.drops = () => false;
  cluster.start(absent!);
  cluster.until('it is brought up later', () => absent!.counter.history.length === 250);
  expect(absent!.counter.history).toEqual(other!.counter.history);
});

/** A cluster whose third node was away for so long that only a snapshot can bring it up. */
function withAbsent(config: ReplicaConfig): { cluster: ReplicaCluster; leader: TestNode; absent: TestNode } {
  const cluster = new ReplicaCluster(3, { ...compacting, ...config });
  cluster.startAll();
  const leader = cluster.electLeader();
  const [absent] = cluster.followers();
  cluster.crash(absent!);
  for (let i = 0; i < 8; i++) fill(cluster, leader, 25);
  cluster.run(100);
  return { cluster, leader, absent: absent! };
}

/** Calls back for each chunk: its sender, its offset and its bytes. */
function onChunk(
  cluster: ReplicaCluster,
  heard: (from: string, offset: number, bytes: number) => void,
): void {
  cluster.network.drops = (from, _to, message) => {
    const [kind, , , offset, , data] = message as [number, number, unknown, number, number, Uint8Array];
    if (kind === INSTALL_SNAPSHOT) heard(from, offset, data.length);
    return false;
  };
}

test('a receiver whose disk stays full costs its leader no snapshot, and is brought up when there is space', () => {
  const { cluster, leader, absent } = withAbsent({});
  const begin = absent.store.beginSnapshot.bind(absent.store);
  const full = new TuttiError('TUTTI_STORE_FULL', { directory: 'memory' });
  let isFull = true;
  let refusals = 0;
  absent.store.beginSnapshot = (meta) => {
    const writer = begin(meta);
    const write = writer.write.bind(writer);
    writer.write = (data, done) => {
      if (!isFull || writer.size === 0) return write(data, done);
      refusals++;
      done(full);
    };
    return writer;
  };
  const { snapshotsTaken } = leader.replica.stats();
  cluster.start(absent);
  cluster.run(90_000);
  expect(refusals).toBeGreaterThan(5);
  expect(refusals).toBeLessThan(30);
  expect(leader.replica.stats().snapshotsTaken).toBe(snapshotsTaken);
  isFull = false;
  cluster.until('it is brought up', () => absent.counter.history.length === 200);
});

test('a snapshot of one chunk that has decayed on the disk of its leader is taken anew, and the absent is brought up', () => {
  const { cluster, leader, absent } = withAbsent({ snapshotChunkBytes: 1e6 });
  const { snapshotsTaken } = leader.replica.stats();
  const snapshot = leader.store.snapshot.bind(leader.store);
  leader.store.snapshot = () => {
    const stored = snapshot();
    if (!stored || leader.replica.stats().snapshotsTaken > snapshotsTaken) return stored;
    const { meta, totalBytes, checksum } = stored;
    const read: StoredSnapshot['read'] = (offset, length, done) =>
      stored.read(offset, length, (failure, data) =>
        done(
          failure,
          data?.map((byte) => byte ^ 1),
        ),
      );
    return { meta, totalBytes, checksum, read, hold: () => stored.hold() };
  };
  let chunks = 0;
  onChunk(cluster, () => chunks++);
  cluster.start(absent);
  cluster.until('it is brought up', () => absent.counter.history.length === 200);
  expect(leader.replica.stats().snapshotsTaken).toBe(snapshotsTaken + 1);
  expect(chunks).toBe(4);
});

test('another leader goes on where the one before was interrupted', () => {
  const { cluster, leader, absent } = withAbsent({ snapshotBytesPerSecond: 3_000, snapshotWindowBytes: 300 });
  let held = 0;
  onChunk(cluster, (_from, offset) => (held = Math.max(held, offset)));
  cluster.start(absent);
  cluster.until('half of it is there', () => held >= 1_500);
  cluster.crash(leader);
  const offsets: number[] = [];
  onChunk(cluster, (from, offset) => {
    if (from !== leader.id) offsets.push(offset);
  });
  cluster.until('it is brought up', () => absent.counter.history.length === 200);
  expect(absent.replica.stats().snapshotsInstalled).toBe(1);
  expect(offsets[0]).toBe(0);
  expect(offsets.slice(1).every((offset) => offset >= held)).toBe(true);
});

test('a receiver that is killed halfway begins anew, and is sent the whole once more and no part of it twice', () => {
  const { cluster, leader, absent } = withAbsent({ snapshotBytesPerSecond: 3_000, snapshotWindowBytes: 300 });
  const { totalBytes } = leader.store.snapshot()!;
  let held = 0;
  onChunk(cluster, (_from, offset, bytes) => (held = Math.max(held, offset + bytes)));
  cluster.start(absent);
  cluster.until('half of it is there', () => held >= totalBytes / 2);
  expect(held).toBeLessThan(totalBytes);
  cluster.crash(absent);
  expect(absent.store.snapshot()).toBeUndefined();
  cluster.run(500);
  const offsets: number[] = [];
  let again = 0;
  onChunk(cluster, (_from, offset, bytes) => {
    offsets.push(offset);
    again += bytes;
    expect(absent.counter.history).toEqual([]);
  });
  cluster.start(absent);
  cluster.until('it is brought up', () => absent.counter.history.length === 200);
  expect(absent.replica.stats().snapshotsInstalled).toBe(1);
  expect(absent.counter.history).toEqual(leader.counter.history);
  // The leader may have had the next chunks under way when it heard of the new life: a window of them.
  expect(again).toBeGreaterThanOrEqual(totalBytes);
  expect(again).toBeLessThanOrEqual(totalBytes + 2 * compacting.snapshotChunkBytes);
  expect(offsets).toContain(0);
});

test('newer snapshots are taken while one is sent, and the log that follows the one sent is kept until it is used', () => {
  const { cluster, leader, absent } = withAbsent({ snapshotBytesPerSecond: 2_000 });
  const before = leader.replica.status().snapshotIndex;
  cluster.start(absent);
  cluster.run(200);
  for (let i = 0; i < 8; i++) fill(cluster, leader, 25);
  expect(absent.replica.stats().snapshotsInstalled).toBe(0);
  expect(leader.replica.status().snapshotIndex).toBeGreaterThan(before);
  expect(leader.store.firstIndex).toBe(before + 1);
  cluster.until('it is brought up', () => absent.counter.history.length === 400);
  expect(leader.replica.stats().snapshotsSent).toBe(1);
  cluster.run(200);
  expect(leader.store.firstIndex).toBeGreaterThan(before + 100);
});

test('a transfer for which too much log would be kept is begun anew, with more patience each time', () => {
  const { cluster, leader, absent } = withAbsent({
    snapshotBytesPerSecond: 4_000,
    snapshotLogBytesMax: 500,
  });
  cluster.start(absent);
  let longest = 0;
  let calls = 0;
  for (let i = 0; absent.replica.stats().snapshotsInstalled === 0; i++) {
    expect(i).toBeLessThan(600);
    cluster.propose(leader, `late${i}`);
    calls++;
    cluster.run(20);
    longest = Math.max(longest, leader.store.lastIndex - leader.store.firstIndex);
  }
  expect(leader.replica.stats().snapshotsRestarted).toBeGreaterThan(0);
  cluster.until('it is brought up', () => absent.counter.history.length === 200 + calls);
  // A command takes more than 40 bytes: eight times the bound, what was there before, and what comes in one tick.
  expect(longest).toBeLessThan((8 * 500) / 40 + 60);
});

test('a transfer keeps to its rate', () => {
  const rate = 2_000;
  const { cluster, absent } = withAbsent({ snapshotBytesPerSecond: rate });
  let bytes = 0;
  onChunk(cluster, (_from, _offset, length) => (bytes += length));
  const from = cluster.clock.now();
  cluster.start(absent);
  cluster.until('it is brought up', () => absent.counter.history.length === 200);
  expect(bytes).toBeGreaterThan(2_000);
  // What a tenth of a second saves up may pass at once, and one chunk may be owed.
  expect(bytes).toBeLessThanOrEqual((rate * (cluster.clock.now() - from)) / 1_000 + rate / 10 + 300);
});

test('a receiver that needs long to put a snapshot in place is waited for', () => {
  const { cluster, leader, absent } = withAbsent({});
  const begin = absent.store.beginSnapshot.bind(absent.store);
  absent.store.beginSnapshot = (meta) => {
    const writer = begin(meta);
    const commit = writer.commit.bind(writer);
    writer.commit = (checksum, done) => void cluster.clock.setTimer(50_000, () => commit(checksum, done));
    return writer;
  };
  cluster.start(absent);
  cluster.until('it is brought up', () => absent.counter.history.length === 200, 100_000);
  cluster.run(100);
  expect(absent.replica.stats().snapshotsInstalled).toBe(1);
  expect(leader.replica.stats().snapshotsSent).toBe(1);
});

test('a snapshot that the log has overtaken while it was put in place takes nothing from the log that is not applied', () => {
  const cluster = new ReplicaCluster(3, compacting);
  cluster.startAll();
  const leader = cluster.electLeader();
  const [absent, keeper] = cluster.followers();
  cluster.crash(absent!);
  // The keeper gets the entries, and no word that they are all committed.
  cluster.network.drops = (_from, to, message) =>
    to === keeper!.id &&
    keeper!.store.lastIndex >= 45 &&
    [HEARTBEAT, APPEND_ENTRIES].includes((message as number[])[0]!);
  fill(cluster, leader, 45);
  const { lastIndex } = leader.store;
  cluster.run(20);
  let placed = (): void => {};
  const begin = absent!.store.beginSnapshot.bind(absent!.store);
  absent!.store.beginSnapshot = (meta) => {
    const writer = begin(meta);
    const commit = writer.commit.bind(writer);
    writer.commit = (checksum, done) =>
      commit(checksum, (...outcome) => void (placed = () => done(...outcome)));
    return writer;
  };
  cluster.start(absent!);
  cluster.until('the snapshot is being put in place', () => absent!.store.snapshot() !== undefined);
  cluster.crash(leader);
  // The keeper leads now, and the absent one gets its entries; no word of their commit reaches it.
  cluster.network.drops = (from, to) =>
    from === keeper!.id && to === absent!.id && absent!.store.lastIndex > lastIndex;
  cluster.until('the log has brought them', () => absent!.store.lastIndex > lastIndex);
  cluster.run(20);
  expect(absent!.replica.status().commitIndex).toBeLessThan(absent!.store.snapshot()!.meta.index);
  // The disk answers just as a tick begins.
  absent!.store.checkRoom = () => {
    placed();
    placed = () => {};
    return true;
  };
  cluster.run(100);
  expect(absent!.failure).toBeUndefined();
  cluster.network.drops = () => false;
  cluster.until('it has them all', () => absent!.counter.history.length === 45);
  expect(absent!.replica.stats().snapshotsInstalled).toBe(0);
});

test('what several receive is read once', () => {
  const clock = new VirtualClock();
  const asked: number[] = [];
  let released = 0;
  const stored: StoredSnapshot = {
    meta: { index: logIndex(1), term: term(1), membership: { voters: [], learners: [] } },
    totalBytes: 25,
    checksum: 0,
    read: (offset, length, done) => {
      asked.push(offset);
      clock.nextTurn(() => done(undefined, new Uint8Array(length).fill(offset)));
    },
    hold: () => () => void released++,
  };
  const reading = new SnapshotReading(stored, 10);
  const heard: string[] = [];
  for (const who of ['a', 'b'])
    for (const offset of [0, 10, 20])
      reading.chunk(offset, (_, data) => void heard.push(`${who} ${data[0]} ${data.length}`));
  clock.advance(1);
  reading.chunk(10, (_, data) => void heard.push(`c ${data[0]} ${data.length}`));
  expect(heard).toEqual(['a 0 10', 'b 0 10', 'a 10 10', 'b 10 10', 'a 20 5', 'b 20 5', 'c 10 10']);
  expect(asked).toEqual([0, 10, 20]);
  reading.close();
  expect(released).toBe(1);
});
