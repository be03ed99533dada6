import { isTuttiError } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { WriteCallback } from '../storage/log-store.ts';
import { type Call, ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

const started = (config = {}, size = 3): ReplicaCluster => {
  const cluster = new ReplicaCluster(size, config);
  cluster.startAll();
  return cluster;
};

const answered = (cluster: ReplicaCluster, calls: readonly Call[]): void => {
  cluster.until('they are answered', () => calls.every((call) => call.done));
  expect(calls.map((call) => call.failure)).toEqual(calls.map(() => undefined));
};

/** From now on writes are taken and never come back, until the function that is returned lets them through. */
function hang(node: TestNode): () => void {
  const { store } = node;
  const held: Parameters<typeof store.append>[] = [];
  const append = store.append.bind(store);
  store.append = (...write) => void held.push(write);
  return () => {
    store.append = append;
    for (const write of held.splice(0)) append(...write);
  };
}

test('a leader whose disk hangs steps down, the others go on, and it stops in the stated time', () => {
  const cluster = started({ flushTimeoutMs: 2_000 });
  const leader = cluster.electLeader();
  const [proposer] = cluster.followers();
  answered(cluster, [cluster.propose(proposer!, 'before')]);
  hang(leader);
  answered(cluster, [cluster.propose(proposer!, 'during')]);
  cluster.run(1_500);
  expect(leader.failure).toBeUndefined();
  cluster.run(600);
  expect(isTuttiError(leader.failure, 'TUTTI_STORE_HUNG')).toBe(true);
  // Its store is closed, and it can still say where it stood.
  leader.store.snapshot = () => expect.unreachable('a closed store refuses');
  expect(leader.replica.status()).toMatchObject({ role: 'stopped', snapshotIndex: 0 });
  cluster.network.detach(leader.id);
  answered(cluster, [cluster.propose(proposer!, 'after')]);
  expect(proposer!.counter.history).toEqual(['before', 'during', 'after']);
});

test('a disk that is slow, but comes back, costs nothing but time', () => {
  const cluster = started({ flushTimeoutMs: 2_000 });
  const leader = cluster.electLeader();
  for (const node of cluster.nodes) {
    const release = hang(node);
    cluster.clock.setTimer(1_800, release);
  }
  const call = cluster.propose(leader, 'slow');
  cluster.run(1_000);
  expect(call.done).toBe(false);
  answered(cluster, [call]);
  cluster.run(10_000);
  expect(cluster.nodes.map((node) => node.failure)).toEqual([undefined, undefined, undefined]);
});

test('a leader takes no more than the stated number of entries that its own disk does not have', () => {
  const cluster = started({ backlogMax: 10, resendMs: 100, electionTicks: 100, noLeaderMs: 60_000 });
  const leader = cluster.electLeader();
  answered(cluster, [cluster.propose(leader, 'before')]);
  hang(leader);
  const before = leader.replica.status().lastIndex;
  for (let i = 0; i < 50; i++) {
    cluster.propose(leader, `k${i}`);
    cluster.run(20);
  }
  // One write is under way, and as much as is allowed waits behind it.
  expect(leader.replica.status().lastIndex - before).toBe(11);
});

test('stopping does not wait for a disk for ever', () => {
  const cluster = started({ flushTimeoutMs: 2_000 });
  const leader = cluster.electLeader();
  let close: WriteCallback | undefined;
  leader.store.close = (done) => void (close = done);
  const outcomes: unknown[] = [];
  leader.replica.stopWith((failure) => outcomes.push(failure));
  cluster.run(1_900);
  expect(outcomes).toEqual([]);
  cluster.run(200);
  expect(outcomes).toHaveLength(1);
  expect(isTuttiError(outcomes[0], 'TUTTI_STORE_HUNG')).toBe(true);
  close!(undefined);
  expect(outcomes).toHaveLength(1);
});

test('a write that fails stops the replica with its code, and what it had promised nobody is not told', () => {
  const cluster = started();
  const leader = cluster.electLeader();
  answered(cluster, [cluster.propose(leader, 'before')]);
  const failure = new Error('EIO');
  for (const node of cluster.followers()) cluster.network.cut(leader.id, node.id);
  leader.store.append = (_write, done) => cluster.clock.nextTurn(() => done(failure));
  const call = cluster.propose(leader, 'lost');
  cluster.run(10);
  expect(leader.failure).toBe(failure);
  // It may stand in a log elsewhere by then: that this replica has stopped says nothing of it.
  expect(call.failure).toMatchObject({ code: 'TUTTI_OUTCOME_UNKNOWN', cause: { code: 'TUTTI_CLOSED' } });
  expect(leader.replica.status().role).toBe('stopped');
  answered(cluster, [cluster.propose(cluster.nodes.find((node) => node !== leader)!, 'after')]);
});

test('a single voter acknowledges nothing that its disk does not have', () => {
  const cluster = started({}, 1);
  const leader = cluster.electLeader();
  answered(cluster, [cluster.propose(leader, 'before')]);
  const release = hang(leader);
  const call = cluster.propose(leader, 'held');
  cluster.run(5_000);
  expect(call.done).toBe(false);
  expect(leader.counter.history).toEqual(['before']);
  release();
  answered(cluster, [call]);
});

test('a leader whose disk hangs leads no more after an election timeout, and comes back by itself', () => {
  const cluster = started({ electionTicks: 6, tickMs: 50 });
  const leader = cluster.electLeader();
  const release = hang(leader);
  const lost = cluster.propose(leader, 'during');
  cluster.run(350);
  expect(leader.replica.status().role).toBe('follower');
  cluster.until('another leads', () =>
    cluster.nodes.some((node) => node !== leader && node.replica.status().role === 'leader'),
  );
  answered(cluster, [lost]);
  cluster.run(5_000);
  expect(leader.failure).toBeUndefined();
  release();
  // The others go, so that only it can be elected by the one that stays.
  cluster.until('it has caught up', () => leader.counter.history.includes('during'));
  cluster.run(500);
  const [successor] = cluster.nodes.filter((node) => node.replica.status().role === 'leader');
  cluster.crash(successor!);
  cluster.until('it or the other leads', () =>
    cluster.nodes.some((node) => node !== successor && node.replica.status().role === 'leader'),
  );
  cluster.start(successor!);
  answered(cluster, [cluster.propose(leader, 'after')]);
});

test('a node with a sick disk does not campaign before a test write has come back, even with nobody else to lead', () => {
  const cluster = started();
  const leader = cluster.electLeader();
  const others = cluster.followers();
  const release = hang(leader);
  cluster.propose(leader, 'during');
  cluster.until('another leads', () => others.some((node) => node.replica.status().role === 'leader'));
  const terms = leader.replica.status().term;
  // One voter is left beside it, and that one cannot be elected: its log is kept short.
  for (const node of others) cluster.network.cut(leader.id, node.id);
  cluster.run(5_000);
  expect(leader.replica.status().role).toBe('follower');
  expect(leader.replica.stats().elections).toBe(1);
  expect(leader.replica.status().term).toBe(terms);
  release();
  cluster.until('it campaigns again', () => leader.replica.stats().elections > 1);
});

test('what a leader lets wait for its own disk is bounded in bytes', () => {
  const cluster = started({
    backlogBytesMax: 2_000,
    resendMs: 100,
    electionTicks: 100,
    noLeaderMs: 60_000,
  });
  const leader = cluster.electLeader();
  answered(cluster, [cluster.propose(leader, 'before')]);
  hang(leader);
  const before = leader.replica.status().lastIndex;
  for (let i = 0; i < 20; i++) {
    cluster.propose(leader, 'k'.repeat(500));
    cluster.run(20);
  }
  // One write is under way, and three commands of some 560 bytes wait behind it.
  expect(leader.replica.status().lastIndex - before).toBe(4);
});

test('a follower whose snapshot writes hang is noticed like any other', () => {
  const cluster = started({ flushTimeoutMs: 3_000, snapshotEntries: 20, trailingEntries: 2 });
  const leader = cluster.electLeader();
  const [follower] = cluster.followers();
  const begin = follower!.store.beginSnapshot.bind(follower!.store);
  follower!.store.beginSnapshot = (meta) => ({
    ...begin(meta),
    meta,
    size: 0,
    write: () => {},
    abort: () => {},
  });
  const calls = Array.from({ length: 30 }, (_, i) => cluster.propose(leader, `k${i}`));
  answered(cluster, calls);
  cluster.run(4_000);
  expect(isTuttiError(follower!.failure, 'TUTTI_STORE_HUNG')).toBe(true);
});

/** A store that cannot grow until it is told that it can. */
function full(node: TestNode): () => void {
  node.store.checkRoom = () => false;
  return () => void (node.store.checkRoom = () => true);
}

test('a leader whose disk is full leaves the lead to one that has space, and goes on when it has some', () => {
  const cluster = started();
  const leader = cluster.electLeader();
  const free = full(leader);
  cluster.until('another leads', () =>
    cluster.nodes.some((node) => node !== leader && node.replica.status().role === 'leader'),
  );
  expect(isTuttiError(cluster.propose(leader, 'refused').failure, 'TUTTI_STORE_FULL')).toBe(true);
  answered(cluster, [cluster.propose(cluster.leader()!, 'elsewhere')]);
  cluster.run(5_000);
  expect(leader.counter.history).toEqual([]);
  expect(leader.failure).toBeUndefined();
  free();
  cluster.until('it has caught up', () => leader.counter.history.includes('elsewhere'));
});

test('when every disk is full, commands are refused by code and reads are answered', () => {
  const cluster = started();
  const first = cluster.electLeader();
  answered(cluster, [cluster.propose(first, 'before')]);
  const frees = cluster.nodes.map(full);
  cluster.run(10_000);
  cluster.until('somebody leads', () => cluster.leader() !== undefined);
  const leader = cluster.leader()!;
  expect(isTuttiError(cluster.propose(leader, 'refused').failure, 'TUTTI_STORE_FULL')).toBe(true);
  const read = cluster.read(leader);
  cluster.until('the read is answered', () => read.done);
  expect(read.failure).toBeUndefined();
  for (const free of frees) free();
  cluster.run(100);
  answered(cluster, [cluster.propose(leader, 'after')]);
  cluster.until('all have it', () =>
    cluster.nodes.every((node) => node.counter.history.join() === 'before,after'),
  );
});

test('a single voter whose disk is full refuses commands by code until there is space', () => {
  const cluster = started({}, 1);
  const leader = cluster.electLeader();
  const free = full(leader);
  cluster.run(1_000);
  expect(isTuttiError(cluster.propose(leader, 'refused').failure, 'TUTTI_STORE_FULL')).toBe(true);
  free();
  cluster.run(100);
  answered(cluster, [cluster.propose(leader, 'after')]);
  expect(leader.counter.history).toEqual(['after']);
});
