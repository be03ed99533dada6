import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { backUp } from '../node/back-up.ts';
import { createNode } from '../node/create-node.ts';
import { restoreCluster } from './restore-cluster.ts';

let source: string;
let folder: string;
beforeAll(async () => {
  source = mkdtempSync(join(tmpdir(), 'tutti-restore-of-'));
  const node = createNode({ name: 'n1', dataDir: join(source, 'n1') });
  await node.start();
  await backUp(node, join(source, 'backup'));
  await node.stop();
});
afterAll(() => rmSync(source, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-restore-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const restore = (directory: string, nodes: readonly string[] = ['n1', 'n2']) =>
  restoreCluster({ file: join(source, 'backup'), directory, nodes, cluster: 'tutti' });

it('follows a link to an empty folder, and leaves the link where it is', async () => {
  mkdirSync(join(folder, 'volume'));
  symlinkSync(join(folder, 'volume'), join(folder, 'data'));
  await restore(join(folder, 'data'));
  expect(readdirSync(join(folder, 'volume')).toSorted()).toEqual(['n1', 'n2', 'roster.json']);
  expect(readdirSync(folder).toSorted()).toEqual(['data', 'volume']);
});

it('makes folders of nodes that nobody else can look into', async () => {
  await restore(join(folder, 'data'));
  for (const name of ['n1', 'n2', 'n1/log'])
    expect(statSync(join(folder, 'data', name)).mode & 0o777, name).toBe(0o700);
});

it.each([[['../../escaped']], [['n1', 'n1']], [[]]])(
  'makes nothing for names that cannot be those of its folders: %j',
  async (nodes) => {
    const directory = join(folder, 'one', 'data');
    await expect(restore(directory, nodes)).rejects.toMatchObject({ name: 'TuttiError' });
    expect(existsSync(join(folder, 'one'))).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  },
);
