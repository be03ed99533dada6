import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTuttiError } from '@tutti/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalCluster } from './local-cluster.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tutti-voters-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function start(nodes: number): Promise<LocalCluster> {
  return LocalCluster.start({
    nodes,
    directory,
    cluster: 'tutti',
    heartbeatMs: 50,
    electionTimeoutMs: 300,
    snapshotEntries: 1000,
    logLevel: 'error',
  });
}

describe('the directory of a local cluster', () => {
  it.each([1, 5])('is not opened with %i nodes when it was made with three', async (nodes) => {
    for (const id of ['n1', 'n2', 'n3']) mkdirSync(join(directory, id));
    await expect(start(nodes)).rejects.toSatisfy((thrown) => isTuttiError(thrown, 'TUTTI_OPTION_INVALID'));
    expect(readdirSync(directory).sort()).toEqual(['n1', 'n2', 'n3']);
  });
});
