import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTuttiError } from '@tutti/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalCluster, type StartWatch } from './local-cluster.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tutti-voters-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function start(nodes: number, watch?: StartWatch): Promise<LocalCluster> {
  const options = {
    nodes,
    directory,
    cluster: 'tutti',
    heartbeatMs: 50,
    electionTimeoutMs: 300,
    snapshotEntries: 1000,
    logLevel: 'error',
  };
  return LocalCluster.start(options, watch);
}

describe('a start that takes long', () => {
  it('says which nodes do not serve, lets the others be asked, and ends at once when it is aborted', async () => {
    // Both are to have had a log, and neither has: each waits for the other to tell what it has forgotten as well.
    const roster = { founders: ['n1', 'n2'], joined: [], removed: [], begun: ['n1', 'n2'] };
    writeFileSync(join(directory, 'roster.json'), JSON.stringify(roster));
    const abort = new AbortController();
    let told: readonly string[] = [];
    let files: string[] = [];
    const tell = (nodes: readonly string[]) => {
      told = nodes;
      files = readdirSync(directory);
      abort.abort();
    };
    const starting = start(2, { signal: abort.signal, late: { afterMs: 1, tell } });
    await expect(starting).rejects.toSatisfy((thrown) => isTuttiError(thrown, 'TUTTI_NODE_DIED'));
    expect(told).toEqual(['n1', 'n2']);
    expect(files).toContain('cluster.json');
    expect(readdirSync(directory)).not.toContain('cluster.json');
  });
});

describe('the directory of a local cluster', () => {
  it.each([1, 5])('is not opened with %i nodes when it was made with three', async (nodes) => {
    for (const id of ['n1', 'n2', 'n3']) mkdirSync(join(directory, id));
    await expect(start(nodes)).rejects.toSatisfy((thrown) => isTuttiError(thrown, 'TUTTI_OPTION_INVALID'));
    expect(readdirSync(directory).sort()).toEqual(['n1', 'n2', 'n3']);
  });
});
