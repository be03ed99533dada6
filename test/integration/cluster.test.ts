import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Started, start } from './command.ts';

/** The parts of `tutti cluster status --json` that are looked at here. */
interface Status {
  readonly leader: string;
  readonly nodes: readonly {
    readonly node: string;
    readonly role: string;
    readonly lag: number;
    readonly snapshotIndex: number;
  }[];
  readonly configuration: { readonly voters: readonly string[]; readonly isCommitted: boolean };
  readonly stages: Readonly<Record<string, { readonly count: number; readonly p99: number }>>;
}

const dir = mkdtempSync(join(tmpdir(), 'tutti-cluster-'));
let cluster: Started;

async function tutti(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const started = start(['cluster', ...args, '--dir', dir]);
  const code = await started.ended;
  return { code, stdout: started.stdout(), stderr: started.stderr() };
}

const status = async () => JSON.parse((await tutti('status', '--json')).stdout) as Status;

beforeAll(async () => {
  cluster = start(['up', '--nodes', '3', '--no-restart', '--dir', dir]);
  await cluster.prints(/Ctrl-C/);
});
afterAll(async () => {
  cluster.process.kill('SIGINT');
  await cluster.ended;
  rmSync(dir, { recursive: true, force: true });
});

describe('operating a cluster', () => {
  it('shows each node with its log, who votes, and the stages of the leader', async () => {
    const { stdout, code } = await tutti('status');
    expect(code).toBe(0);
    expect(stdout.match(/^n\d +leader +voter +\d+ +n\d( +\d+){5}$/gm)).toHaveLength(1);
    expect(stdout.match(/^n\d +follower +voter /gm)).toHaveLength(2);
    expect(stdout).toMatch(/^voters +n1 n2 n3$/m);
    expect(stdout).toMatch(/^commit +\d+ +[\d.]+ ms +[\d.]+ ms$/m);
    const { leader, nodes, configuration, stages } = await status();
    expect(nodes.find(({ node }) => node === leader)?.role).toBe('leader');
    expect(configuration).toMatchObject({ voters: ['n1', 'n2', 'n3'], isCommitted: true });
    expect(stages['commit']!.count).toBeGreaterThan(0);
  });

  it('hands leadership to the node that is named, whichever node is asked first', async () => {
    for (const target of ['n1', 'n2', 'n3']) {
      if ((await status()).leader === target) continue;
      expect(await tutti('transfer', target)).toMatchObject({ stdout: `${target} leads\n`, code: 0 });
      expect((await status()).leader).toBe(target);
    }
  });

  it('hands leadership to another node when none is named', async () => {
    const { leader } = await status();
    const { stdout } = await tutti('transfer', '--json');
    expect((JSON.parse(stdout) as Status).leader).not.toBe(leader);
  });

  it('says why leadership cannot go where it was sent', async () => {
    expect(await tutti('transfer', 'n9')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('TUTTI_TRANSFER_UNKNOWN'),
    });
  });

  it('takes a snapshot at the node that is named and at no other, and at each when none is', async () => {
    const { stdout } = await tutti('snapshot', 'n2', '--json');
    const [taken, ...rest] = JSON.parse(stdout) as { node: string; index: number }[];
    expect(rest).toEqual([]);
    expect(taken).toMatchObject({ node: 'n2', index: expect.any(Number) });
    const snapshots = (await status()).nodes.map(({ node, snapshotIndex }) => [node, snapshotIndex]);
    expect(snapshots).toEqual([
      ['n1', 0],
      ['n2', taken!.index],
      ['n3', 0],
    ]);
    expect(taken!.index).toBeGreaterThan(0);
    expect((await tutti('snapshot')).stdout.match(/^n\d +\d+$/gm)).toHaveLength(3);
    for (const node of (await status()).nodes) expect(node.snapshotIndex).toBeGreaterThan(0);
  });

  it('refuses a caller without the token', async () => {
    const file = JSON.parse(readFileSync(join(dir, 'cluster.json'), 'utf8')) as {
      nodes: { adminUrl: string }[];
    };
    for (const [method, path] of [
      ['GET', '/cluster'],
      ['POST', '/cluster/transfer'],
      ['POST', '/cluster/snapshot'],
    ] as const)
      expect((await fetch(file.nodes[0]!.adminUrl + path, { method })).status).toBe(401);
  });

  it('shows a voter that is gone as silent', async () => {
    const { leader, nodes } = await status();
    const victim = nodes.find(({ node }) => node !== leader)!.node;
    const file = JSON.parse(readFileSync(join(dir, 'cluster.json'), 'utf8')) as {
      nodes: { id: string; pid: number }[];
    };
    process.kill(file.nodes.find(({ id }) => id === victim)!.pid, 'SIGKILL');
    await cluster.prints(new RegExp(`${victim} died`));
    const after = await status();
    expect(after.nodes.find(({ node }) => node === victim)?.role).toBe('silent');
    const unknown = await tutti('snapshot', victim);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('TUTTI_NODE_UNKNOWN');
  });
});
