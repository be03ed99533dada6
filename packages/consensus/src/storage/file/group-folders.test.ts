import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, nodeId, systemClock } from '@tutti/kernel';
import { afterAll, expect, test } from 'vitest';
import { groupStoreOf } from '../../groups/testing/group-store.ts';
import type { LogStore } from '../log-store.ts';
import { appendTo, closeStore, openStore, snapshotInto, suiteEntries } from '../log-store-suite.ts';
import { createFileGroupLog } from './file-group-log.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-group-folders-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const OWNER = { clusterId: clusterId('c'), nodeId: nodeId('n1') };

function storeOf(directory: string, group: string): LogStore {
  const log = createFileGroupLog({ directory, ...OWNER, segmentBytes: 4096, clock: systemClock });
  return groupStoreOf(log, group);
}

/** Groups that are called alike but for case, each with a snapshot of its own, at 2 and at 3. */
async function written(groups = ['Orders', 'orders']): Promise<string> {
  const directory = fs.mkdtempSync(join(root, 'store-'));
  for (const [i, group] of groups.entries()) {
    const store = storeOf(directory, group);
    await openStore(store);
    await appendTo(store, { entries: suiteEntries(1, 5, 1) });
    await snapshotInto(store, 2 + i, 1, new Uint8Array(100));
    await closeStore(store);
  }
  return directory;
}

async function snapshotOf(directory: string, group: string): Promise<number | undefined> {
  const store = storeOf(directory, group);
  const { snapshot } = await openStore(store);
  await closeStore(store);
  return snapshot?.index;
}

const foldersIn = (directory: string): string[] => fs.readdirSync(join(directory, 'groups')).sort();

test('groups that are called alike but for case share no folder where case is not told', async () => {
  const directory = await written();
  expect(foldersIn(directory)).toEqual(['+orders', 'orders']);
  expect([await snapshotOf(directory, 'Orders'), await snapshotOf(directory, 'orders')]).toEqual([2, 3]);
});

test('a folder that an earlier version made is found, whichever group is opened first', async () => {
  for (const first of ['Orders', 'orders']) {
    const directory = await written(['Orders']);
    const groups = join(directory, 'groups');
    fs.renameSync(join(groups, '+orders'), join(groups, 'Orders'));
    fs.writeFileSync(join(groups, '.DS_Store'), 'of the system');
    await snapshotOf(directory, first);
    expect(foldersIn(directory)).toEqual(['+orders', '.DS_Store']);
    expect(await snapshotOf(directory, 'orders')).toBeUndefined();
    expect(await snapshotOf(directory, 'Orders')).toBe(2);
  }
});

test('the snapshot of another group is refused with its name, and stays', async () => {
  const directory = await written();
  const [from, to] = ['orders', '+orders'].map((folder) => join(directory, 'groups', folder));
  const [name] = fs.readdirSync(from!);
  fs.copyFileSync(join(from!, name!), join(to!, name!));
  const store = storeOf(directory, 'Orders');
  await expect(openStore(store)).rejects.toMatchObject({
    code: 'TUTTI_STORE_FOREIGN_FILE',
    details: {
      found: 'the group "orders" on the node "n1" of the cluster "c"',
      expected: 'the group "Orders" on the node "n1" of the cluster "c"',
    },
  });
  await closeStore(store);
  expect(fs.existsSync(join(to!, name!))).toBe(true);
});
