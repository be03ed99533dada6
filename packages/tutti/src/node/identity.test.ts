import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId } from '@tutti/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusterIdOf, openIdentity, readIdentity, writeIdentity } from './identity.ts';
import { holdToChecksum } from './testing/checked-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tutti-identity-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const owner = { cluster: 'shop', node: 'n1' };
const lineage = '0123456789abcdef';

function codeOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (thrown) {
    return (thrown as { code?: string }).code;
  }
}

describe('the identity of a node', () => {
  it('is of its next life, with the keys of the last', () => {
    const first = openIdentity(directory, owner);
    const second = openIdentity(directory, owner);
    expect([first.incarnation, second.incarnation]).toEqual([1, 2]);
    expect(second.keys).toEqual(first.keys);
  });

  it('takes away what a killed process left of it, and nothing else', () => {
    const dead = spawnSync(process.execPath, ['--version']).pid;
    const others = [`identity.json.${process.ppid}.tmp`, 'identity.json.tmp', `other.json.${dead}.tmp`];
    for (const name of [`identity.json.${dead}.tmp`, ...others]) writeFileSync(join(directory, name), 'half');
    openIdentity(directory, owner);
    expect(readdirSync(directory).toSorted()).toEqual([...others, 'identity.json'].toSorted());
  });

  it('has the id of its cluster from its name, and from its lineage where there is one', () => {
    expect(clusterIdOf('shop', undefined)).toBe('shop');
    expect(clusterIdOf('shop', lineage)).toBe(`shop.${lineage}`);
    const long = 'x'.repeat(64);
    expect(clusterId(clusterIdOf(long, lineage))).toHaveLength(64);
    expect(codeOf(() => clusterIdOf('shop', 'red'))).toBe('TUTTI_CONFIG_INVALID');
  });

  it('keeps its lineage, and is of no other', () => {
    expect(openIdentity(directory, { ...owner, lineage })).toMatchObject({ cluster: 'shop', lineage });
    expect(openIdentity(directory, owner).clusterId).toBe(`shop.${lineage}`);
    const other = { ...owner, lineage: lineage.replaceAll('0', '1') };
    expect(codeOf(() => openIdentity(directory, other))).toBe('TUTTI_STORE_WRONG_CLUSTER');
    expect(codeOf(() => openIdentity(directory, { ...owner, cluster: 'bank' }))).toBe(
      'TUTTI_STORE_WRONG_CLUSTER',
    );
  });

  it('of a cluster without a lineage is none of one that has been given one', () => {
    openIdentity(directory, owner);
    expect(codeOf(() => openIdentity(directory, { ...owner, lineage }))).toBe('TUTTI_STORE_WRONG_CLUSTER');
  });

  it('is not opened while a recovery of the node has not been ended', () => {
    openIdentity(directory, owner);
    writeIdentity(directory, { ...readIdentity(directory)!, recovering: true });
    expect(codeOf(() => openIdentity(directory, owner))).toBe('TUTTI_RECOVERY_UNFINISHED');
  });

  it('that is known to have had a log comes after all the lives that it may have had', () => {
    const { beginning, incarnation } = openIdentity(directory, { ...owner, hadLog: true });
    expect(beginning.isNoted).toBe(true);
    expect(incarnation).toBeGreaterThan(1_000_000);
    expect(openIdentity(directory, owner).incarnation).toBe(incarnation + 1);
  });

  it('is not taken with any bit of it turned, and is without a checksum', () => {
    const { beginning } = openIdentity(directory, { ...owner, lineage });
    beginning.note();
    holdToChecksum(join(directory, 'identity.json'), 'TUTTI_IDENTITY_INVALID', () => readIdentity(directory));
  });

  it('is for its owner alone, and so is the directory that is made for it', () => {
    const made = join(directory, 'of', 'a', 'node');
    openIdentity(made, owner);
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    expect([modeOf(made), modeOf(join(made, 'identity.json'))]).toEqual([0o700, 0o600]);
  });

  it('remembers over all its lives that a log was begun', () => {
    const first = openIdentity(directory, owner);
    expect(first.beginning.isNoted).toBe(false);
    first.beginning.note();
    expect(first.beginning.isNoted).toBe(true);
    for (let life = 0; life < 2; life++) expect(openIdentity(directory, owner).beginning.isNoted).toBe(true);
  });
});
