import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openIdentity } from '../node/identity.ts';
import { clusterFolder } from './cluster-folder.ts';
import { Roster } from './roster.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'tutti-folder-')));
const cluster = join(root, 'cluster');
const node = join(root, 'node');
beforeAll(() => {
  mkdirSync(cluster);
  Roster.open(cluster, 3).save();
  openIdentity(join(cluster, 'n1'), { cluster: 'c', node: 'n1' });
  openIdentity(node, { cluster: 'c', node: 'own' });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const refusal = (owner: string) =>
  expect.objectContaining({ code: 'TUTTI_FOLDER_OF_NODE', details: expect.objectContaining({ owner }) });

describe('a folder for a cluster', () => {
  it('is one that there is, its own, or one that is not there yet', () => {
    for (const path of [root, cluster, join(root, 'other'), join(cluster, 'other'), join(root, 'n1')])
      expect(clusterFolder(path)).toBe(path);
  });

  it.each([
    ["a node's", join(cluster, 'n1'), join(cluster, 'n1')],
    ["inside of a node's", join(cluster, 'n1', 'log', 'deep'), join(cluster, 'n1')],
    ['where the cluster would put a node', join(cluster, 'n2'), join(cluster, 'n2')],
    ['that of an embedded node', node, node],
    ['inside of that of an embedded node', join(node, 'new'), node],
  ])('is not one that is %s', (_, path, owner) => {
    expect(() => clusterFolder(path)).toThrow(refusal(owner));
  });

  it('may have the identity.json of another program above it', () => {
    const other = join(root, 'elsewhere');
    mkdirSync(other);
    writeFileSync(join(other, 'identity.json'), '{"who":"somebody"}');
    expect(clusterFolder(join(other, '.tutti'))).toBe(join(other, '.tutti'));
  });
});
