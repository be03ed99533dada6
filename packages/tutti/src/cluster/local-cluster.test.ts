import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTuttiError, TuttiError } from '@tutti/kernel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdminClient } from '../admin/admin-client.ts';
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

describe('an addition of which nobody knows whether the group agreed', () => {
  const roster = () =>
    JSON.parse(readFileSync(join(directory, 'roster.json'), 'utf8')) as {
      joined: string[];
      joining?: { node: string };
    };

  it.each([
    // An earlier attempt that was not answered may be the change that is under way.
    new TuttiError('TUTTI_MEMBERSHIP_CHANGING', { under: 'entry 7 is not committed' }),
    new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what: 'PUT /members', timeoutMs: 1 }),
  ])(
    'is not forgotten for another one: $code',
    async (failure) => {
      const cluster = await start(1);
      const asked = vi.spyOn(AdminClient.prototype, 'addMember').mockRejectedValue(failure);
      try {
        await expect(cluster.add({ node: 'n2', learner: true })).rejects.toMatchObject({
          code: failure.code,
        });
        expect(cluster.node('n2').running).toBe(true);
        await expect(cluster.add({ node: 'n3', learner: true })).rejects.toMatchObject({
          code: 'TUTTI_MEMBERSHIP_CHANGING',
          details: { under: 'the addition of n2' },
        });
        expect(roster()).toMatchObject({ joined: [], joining: { node: 'n2' } });
        asked.mockRestore();
        await cluster.add({ node: 'n3', learner: true });
        expect(roster().joined).toEqual(['n2', 'n3']);
      } finally {
        asked.mockRestore();
        await cluster.kill();
      }
    },
    120_000,
  );
});

describe('the directory of a local cluster', () => {
  it.each([1, 5])('is not opened with %i nodes when it was made with three', async (nodes) => {
    for (const id of ['n1', 'n2', 'n3']) mkdirSync(join(directory, id));
    await expect(start(nodes)).rejects.toSatisfy((thrown) => isTuttiError(thrown, 'TUTTI_OPTION_INVALID'));
    expect(readdirSync(directory).sort()).toEqual(['n1', 'n2', 'n3']);
  });
});
