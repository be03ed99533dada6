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

const roster = () =>
  JSON.parse(readFileSync(join(directory, 'roster.json'), 'utf8')) as {
    joined: string[];
    removed: string[];
    joining?: { node: string };
    leaving?: string;
  };
const changing = new TuttiError('TUTTI_MEMBERSHIP_CHANGING', { under: 'entry 7 is not committed' });
const unknown = new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what: 'PUT /members', when: 'in time' });
const unreachable = new TuttiError('TUTTI_ADMIN_UNREACHABLE', { where: '', problem: 'no node runs' });

it('takes a node back that has lost its whole folder and comes with another key', async () => {
  const cluster = await start(3);
  try {
    const folder = join(directory, 'n2');
    const keyOf = () => readFileSync(join(folder, 'identity.json'), 'utf8');
    const before = keyOf();
    await cluster.node('n2').kill();
    rmSync(folder, { recursive: true });
    await cluster.restart('n2');
    expect(keyOf()).not.toBe(before);
    // Once more, as when there was no space to note where it is.
    const node = cluster.node('n2');
    rmSync(join(directory, 'cluster.json'));
    await cluster.restart('n2');
    expect(readdirSync(directory)).toContain('cluster.json');
    expect(cluster.node('n2')).toBe(node);
    expect(node.running).toBe(true);
    const { nodes } = await cluster.client().cluster();
    expect(nodes.map(({ role }) => role).toSorted()).toEqual(['follower', 'follower', 'leader']);
  } finally {
    await cluster.kill();
  }
}, 120_000);

describe('an addition of which nobody knows whether the group agreed', () => {
  let cluster: LocalCluster;
  const asked = () => vi.spyOn(AdminClient.prototype, 'addMember');
  afterEach(async () => {
    vi.restoreAllMocks();
    await cluster.kill();
  });

  // The change that is under way may be this one.
  it.each([changing, unreachable, unknown])(
    'is not forgotten for another one: $code',
    async (failure) => {
      cluster = await start(1);
      const refusing = asked().mockRejectedValueOnce(unknown).mockRejectedValue(failure);
      await expect(cluster.add({ node: 'n2', learner: true })).rejects.toMatchObject({ code: unknown.code });
      expect(cluster.node('n2').running).toBe(true);
      await expect(cluster.add({ node: 'n3', learner: true })).rejects.toMatchObject({
        code: 'TUTTI_MEMBERSHIP_CHANGING',
        details: { under: 'the addition of n2' },
      });
      expect(roster()).toMatchObject({ joined: [], joining: { node: 'n2' } });
      refusing.mockRestore();
      await cluster.add({ node: 'n3', learner: true });
      expect(roster().joined).toEqual(['n2', 'n3']);
    },
    120_000,
  );

  it('is not forgotten when the node cannot be started to be asked for again', async () => {
    cluster = await start(1);
    const refusing = asked().mockRejectedValue(unknown);
    const added = () => cluster.add({ node: 'n2', learner: true });
    await expect(added()).rejects.toMatchObject({ code: unknown.code });
    await cluster.node('n2').kill();
    refusing.mockRestore();
    const identity = join(directory, 'n2', 'identity.json');
    const kept = readFileSync(identity);
    writeFileSync(identity, 'spoiled');
    await expect(added()).rejects.toMatchObject({ code: 'TUTTI_IDENTITY_INVALID' });
    expect(roster()).toMatchObject({ joined: [], joining: { node: 'n2' } });
    writeFileSync(identity, kept);
    await added();
    expect(roster()).toMatchObject({ joined: ['n2'] });
    expect(roster().joining).toBeUndefined();
  }, 120_000);
});

describe.each([
  ['that is refused because another one is under way', changing],
  ['that reached no node that could agree', unreachable],
])('a change %s', (_which, failure) => {
  const refusing = (what: 'addMember' | 'removeMember') =>
    vi.spyOn(AdminClient.prototype, what).mockRejectedValueOnce(failure);
  afterEach(() => vi.restoreAllMocks());

  it('leaves nothing of an addition', async () => {
    const cluster = await start(1);
    try {
      refusing('addMember');
      const added = cluster.add({ node: 'n2', learner: true });
      await expect(added).rejects.toMatchObject({ code: failure.code });
      expect(roster().joining).toBeUndefined();
      expect(cluster.nodes().map(({ id }) => id)).toEqual(['n1']);
      await cluster.add({ node: 'n3', learner: true });
      expect(roster().joined).toEqual(['n3']);
    } finally {
      await cluster.kill();
    }
  }, 120_000);

  it('leaves nothing of a removal: the node works again, and goes with no later change', async () => {
    const cluster = await start(3);
    try {
      refusing('removeMember');
      await expect(cluster.remove('n3')).rejects.toMatchObject({ code: failure.code });
      expect(roster().leaving).toBeUndefined();
      // It had given its work away.
      expect(cluster.node('n3').running).toBe(false);
      await cluster.restart('n3');
      await cluster.remove('n2');
      expect(roster()).toMatchObject({ removed: ['n2'] });
      expect(cluster.nodes().map(({ id }) => id)).toEqual(['n1', 'n3']);
    } finally {
      await cluster.kill();
    }
  }, 120_000);
});

describe('a start that goes on with a change of the launcher before', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([
    ['addMember', 1, (cluster: LocalCluster) => cluster.add({ node: 'n2', learner: true })],
    ['removeMember', 2, (cluster: LocalCluster) => cluster.remove('n2')],
  ] as const)(
    'and is aborted in %s fails, and leaves no node',
    async (what, nodes, change) => {
      const asked = vi.spyOn(AdminClient.prototype, what).mockRejectedValue(unknown);
      const before = await start(nodes);
      await expect(change(before)).rejects.toMatchObject({ code: unknown.code });
      await before.kill();
      const abort = new AbortController();
      asked.mockImplementation(() => {
        abort.abort();
        return Promise.reject(unknown);
      });
      await expect(start(nodes, { signal: abort.signal })).rejects.toMatchObject({ code: 'TUTTI_ABORTED' });
      expect(readdirSync(directory)).not.toContain('cluster.json');
    },
    120_000,
  );
});

describe('an addition for which the group was never asked', () => {
  it.each([
    ['has no folder', (path: string) => writeFileSync(path, ''), 'TUTTI_FOLDER_UNWRITABLE'],
    [
      'dies on its way',
      (path: string) => {
        mkdirSync(path);
        writeFileSync(join(path, 'identity.json'), 'spoiled');
      },
      'TUTTI_IDENTITY_INVALID',
    ],
  ])(
    'stands in the way of none when the node %s',
    async (_, spoil, code) => {
      const cluster = await start(1);
      try {
        spoil(join(directory, 'n2'));
        await expect(cluster.add({ node: 'n2', learner: true })).rejects.toMatchObject({ code });
        expect(roster().joining).toBeUndefined();
        await cluster.add({ node: 'n3', learner: true });
        expect(roster().joined).toEqual(['n3']);
      } finally {
        await cluster.kill();
      }
    },
    120_000,
  );
});

describe('a removal of which nobody knows whether the group agreed', () => {
  it.each([changing, unreachable, unknown])(
    'is not forgotten, nor for another one: $code',
    async (failure) => {
      const cluster = await start(3);
      const asked = vi.spyOn(AdminClient.prototype, 'removeMember');
      const refusing = asked.mockRejectedValueOnce(unknown).mockRejectedValue(failure);
      try {
        await expect(cluster.remove('n3')).rejects.toMatchObject({ code: unknown.code });
        expect(roster()).toMatchObject({ removed: [], leaving: 'n3' });
        expect(cluster.node('n3').running).toBe(true);
        await expect(cluster.remove('n2')).rejects.toMatchObject({
          code: 'TUTTI_MEMBERSHIP_CHANGING',
          details: { under: 'the removal of n3' },
        });
        expect(roster()).toMatchObject({ removed: [], leaving: 'n3' });
        refusing.mockRestore();
        await cluster.remove('n2');
        expect(roster()).toMatchObject({ removed: ['n3', 'n2'] });
        expect(roster().leaving).toBeUndefined();
        expect(cluster.nodes().map(({ id }) => id)).toEqual(['n1']);
      } finally {
        refusing.mockRestore();
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
