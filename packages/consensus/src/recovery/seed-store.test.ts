import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, nodeId } from '@tutti/kernel';
import { afterAll, describe, expect, test } from 'vitest';
import { ReplicaCluster, type TestNode } from '../replica/testing/replica-cluster.ts';
import { createFileLogStore } from '../storage/file/index.ts';
import type { StoredSnapshot } from '../storage/log-store.ts';
import { closeStore, openStore } from '../storage/log-store-suite.ts';
import { seedStore } from './seed-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-seed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The state of a group that has counted, apart from its store, and a node that has it. */
function counted(commands: number): { state: StoredSnapshot; node: TestNode } {
  const cluster = new ReplicaCluster(3);
  cluster.startAll();
  const node = cluster.electLeader();
  for (let i = 0; i < commands; i++) cluster.propose(node, `k${i}`);
  cluster.until('all is applied', () => node.counter.history.length === commands);
  let bytes: Uint8Array | undefined;
  node.replica.takeSnapshotWith(() => {
    const stored = node.store.snapshot()!;
    stored.read(0, stored.totalBytes, (_, data) => (bytes = data));
  });
  cluster.until('it has been read', () => bytes !== undefined);
  const { meta, totalBytes, checksum } = node.store.snapshot()!;
  const state: StoredSnapshot = {
    meta,
    totalBytes,
    checksum,
    read: (offset, length, done) => done(undefined, bytes!.slice(offset, offset + length)),
    hold: () => () => {},
  };
  return { state, node };
}

describe('a store that begins with a state from elsewhere', () => {
  test('makes a group, with others like it, that goes on from there', () => {
    const { state, node } = counted(50);
    const cluster = new ReplicaCluster(5, {}, 0, 7);
    const voters = cluster.nodes.map(({ id }) => id);
    const failures: (Error | undefined)[] = [];
    for (const { store } of cluster.nodes)
      store.open(() =>
        seedStore(store, state, { voters, learners: [] }, (failure) => {
          failures.push(failure);
          store.close(() => {});
        }),
      );
    cluster.run(100);
    expect(failures).toEqual(voters.map(() => undefined));
    cluster.startAll();
    const leader = cluster.electLeader();
    expect(leader.counter.history).toEqual(node.counter.history);
    const after = cluster.propose(leader, 'after');
    cluster.until('all have it', () => cluster.nodes.every(({ counter }) => counter.counts['after'] === 1));
    expect(after.failure).toBeUndefined();
    expect(leader.replica.status().voters).toEqual(voters);
    for (const { counter } of cluster.nodes)
      expect(counter.history).toEqual([...node.counter.history, 'after']);
  });

  test('is whole when its directory is opened again, at the entry and in the term of the state', async () => {
    const { state } = counted(5);
    const owner = { directory: join(folder, 'n1'), clusterId: clusterId('c'), nodeId: nodeId('n1') };
    const membership = { voters: [nodeId('n1')], learners: [] };
    const store = createFileLogStore(owner);
    await openStore(store);
    const failure = await new Promise((done) => seedStore(store, state, membership, done));
    expect(failure).toBeUndefined();
    await closeStore(store);
    const again = createFileLogStore(owner);
    const { index, term } = state.meta;
    expect(await openStore(again)).toMatchObject({
      damage: undefined,
      snapshot: { index, term, membership },
      lastIndex: index,
      hardState: { term },
    });
    expect(again.termAt(index)).toBe(term);
    await closeStore(again);
  });

  test('is not made of a state that changed on its way', async () => {
    const { state } = counted(5);
    const owner = { directory: join(folder, 'n2'), clusterId: clusterId('c'), nodeId: nodeId('n2') };
    const store = createFileLogStore(owner);
    await openStore(store);
    const rotten = { ...state, checksum: state.checksum ^ 1 };
    const failure = await new Promise((done) =>
      seedStore(store, rotten, { voters: [owner.nodeId], learners: [] }, done),
    );
    expect(failure).toMatchObject({ code: 'TUTTI_STORE_CORRUPT' });
    expect(store.snapshot()).toBeUndefined();
    await closeStore(store);
  });
});
