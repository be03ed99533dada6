import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Started, start } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-rescue-'));
const plan = join(folder, 'plan.yaml');
const running = new Set<Started>();
beforeAll(() => writeFileSync(plan, 'name: Greeting\ntasks:\n  hello: { run: echo hello }\n'));
afterAll(async () => {
  for (const cluster of running) await down(cluster);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** What `tutti cluster status --json` says. */
interface Status {
  readonly leader?: string;
  readonly lineage?: string;
  readonly nodes: readonly { readonly node: string; readonly role: string; readonly appliedIndex: number }[];
  readonly configuration: { readonly voters: readonly string[]; readonly isCommitted: boolean };
}

async function up(dir: string, ...args: string[]): Promise<Started> {
  const cluster = start(['up', ...args, '--dir', dir]);
  running.add(cluster);
  await cluster.prints(/Ctrl-C/);
  return cluster;
}

async function down(cluster: Started): Promise<void> {
  running.delete(cluster);
  cluster.process.kill('SIGINT');
  await cluster.ended;
}

async function tutti(dir: string, ...args: string[]) {
  const started = start([...args, '--dir', dir]);
  const code = await started.ended;
  return { code, stdout: started.stdout(), stderr: started.stderr() };
}

const status = async (dir: string) =>
  JSON.parse((await tutti(dir, 'cluster', 'status', '--json')).stdout) as Status;

/** A session that is done when this returns: its result has been acknowledged. */
async function done(dir: string): Promise<string> {
  const { code, stdout } = await tutti(dir, 'submit', plan, '--out', folder, '--json');
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { session: string }).session;
}

const stateOf = async (dir: string, session: string) =>
  (JSON.parse((await tutti(dir, 'ps', session, '--json')).stdout) as { state: string }).state;

const codeIn = ({ code, stderr }: { code: number | null; stderr: string }) => [
  code,
  /TUTTI_\w+/.exec(stderr)?.[0],
];

describe('a cluster that has lost its majority for good', () => {
  const dir = join(folder, 'lost');
  const survivors = 'n1,n2';
  let session: string;

  it('is recovered only when nothing of it runs, its majority is lost, and somebody has said yes', async () => {
    const cluster = await up(dir, '--nodes', '5', '--no-restart');
    session = await done(dir);
    const recover = (...args: string[]) => tutti(dir, 'cluster', 'recover', ...args);
    expect(codeIn(await recover('--survivors', survivors))).toEqual([2, 'TUTTI_STORE_LOCKED']);
    const { nodes } = JSON.parse(readFileSync(join(dir, 'cluster.json'), 'utf8')) as {
      nodes: { id: string; pid: number }[];
    };
    for (const { id, pid } of nodes) if (!survivors.includes(id)) process.kill(pid, 'SIGKILL');
    await cluster.prints(/died[^]*died[^]*died/);
    await down(cluster);
    cpSync(join(dir, 'n3'), join(folder, 'n3-as-it-was'), { recursive: true });
    for (const node of ['n3', 'n4', 'n5']) rmSync(join(dir, node), { recursive: true });

    const roster = readFileSync(join(dir, 'roster.json'), 'utf8');
    const shown = await recover('--survivors', survivors);
    expect(codeIn(shown)).toEqual([2, 'TUTTI_RECOVERY_UNCONFIRMED']);
    expect(shown.stdout).toMatch(/^n[12] +\d+ +\d+ of term \d+ +the others follow it *$/m);
    expect(shown.stdout).toMatch(/n1, n2 alone belong to the group/);
    expect(shown.stdout).toMatch(/Out of it for ever: n3, n4, n5/);
    expect(readFileSync(join(dir, 'roster.json'), 'utf8')).toBe(roster);
    for (const named of ['n3', 'n1,n9', '', 'n1,n2,n3'])
      expect(codeIn(await recover('--survivors', named, '--yes-i-may-lose-data'))).toEqual([
        2,
        'TUTTI_RECOVERY_REFUSED',
      ]);
  }, 120_000);

  it('goes on with the survivors, has what was acknowledged, and takes work', async () => {
    const recovered = await tutti(
      dir,
      'cluster',
      'recover',
      '--survivors',
      survivors,
      '--yes-i-may-lose-data',
    );
    expect(recovered.code, recovered.stderr).toBe(0);
    const cluster = await up(dir, '--nodes', '2');
    const { configuration, lineage } = await status(dir);
    expect(configuration).toMatchObject({ voters: ['n1', 'n2'], isCommitted: true });
    expect(recovered.stdout).toContain(`the lineage ${lineage}`);
    expect(await stateOf(dir, session)).toBe('done');
    expect(await stateOf(dir, await done(dir))).toBe('done');
    // One that was not there is out for good; a new one joins.
    cpSync(join(folder, 'n3-as-it-was'), join(dir, 'n3'), { recursive: true });
    expect(codeIn(await tutti(dir, 'cluster', 'add', 'n3'))).toEqual([2, 'TUTTI_STORE_WRONG_CLUSTER']);
    expect((await tutti(dir, 'cluster', 'add')).stdout).toMatch(/^n6 is added/);
    const voters = async () => (await status(dir)).configuration.voters;
    await expect.poll(voters, { timeout: 30_000, interval: 500 }).toEqual(['n1', 'n2', 'n6']);
    await down(cluster);
    expect(codeIn(await tutti(dir, 'cluster', 'recover', '--survivors', 'n3'))).toEqual([
      2,
      'TUTTI_RECOVERY_REFUSED',
    ]);
  }, 120_000);
});

describe('a backup of a cluster that runs', () => {
  const dir = join(folder, 'backed-up');
  const file = join(folder, 'backup');

  it('becomes a new cluster, with its own lineage, that has the state and takes work', async () => {
    const cluster = await up(dir, '--nodes', '3');
    const session = await done(dir);
    const saved = await tutti(dir, 'cluster', 'backup', file, '--json');
    expect(saved.code, saved.stderr).toBe(0);
    const { index, node } = JSON.parse(saved.stdout) as { index: number; node: string };
    expect(node).not.toBe((await status(dir)).leader);
    // What is there stays, unless somebody says otherwise.
    const taken = readFileSync(file);
    expect(codeIn(await tutti(dir, 'cluster', 'backup', file))).toEqual([2, 'TUTTI_BACKUP_EXISTS']);
    expect(readFileSync(file).equals(taken)).toBe(true);
    expect((await tutti(dir, 'cluster', 'backup', file, '--force')).code).toBe(0);
    expect(readFileSync(file).equals(taken)).toBe(false);
    for (const args of [[join(folder, 'none', 'backup')], [folder, '--force']])
      expect(codeIn(await tutti(dir, 'cluster', 'backup', ...args))).toEqual([1, 'TUTTI_BACKUP_UNWRITABLE']);
    writeFileSync(file, taken);
    const inside = await tutti(join(dir, 'n1', 'new'), 'cluster', 'restore', file);
    expect(codeIn(inside)).toEqual([2, 'TUTTI_FOLDER_OF_NODE']);
    await down(cluster);

    const next = join(folder, 'restored');
    const restored = await tutti(next, 'cluster', 'restore', file, '--nodes', '5', '--json');
    expect(restored.code, restored.stderr).toBe(0);
    expect(JSON.parse(restored.stdout)).toMatchObject({ index, nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] });
    const again = await up(next, '--nodes', '5');
    const { configuration, lineage } = await status(next);
    expect(configuration.voters).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
    expect(lineage).toMatch(/^[0-9a-f]{16}$/);
    expect(await stateOf(next, session)).toBe('done');
    expect(await stateOf(next, await done(next))).toBe('done');
    await down(again);
    expect(codeIn(await tutti(next, 'cluster', 'restore', file))).toEqual([2, 'TUTTI_RESTORE_NOT_EMPTY']);
  }, 120_000);

  it('is refused when it is damaged or cut off, and leaves nothing behind then', async () => {
    const whole = readFileSync(file);
    const spoiled = join(folder, 'spoiled');
    const cut = whole.subarray(0, whole.length - 1);
    const turned = Buffer.from(whole);
    turned[whole.length >> 1]! ^= 4;
    for (const bytes of [cut, turned]) {
      writeFileSync(spoiled, bytes);
      const target = join(folder, 'never');
      expect(codeIn(await tutti(target, 'cluster', 'restore', spoiled))).toEqual([
        2,
        'TUTTI_BACKUP_UNUSABLE',
      ]);
      expect(() => readFileSync(target)).toThrow(/ENOENT/);
    }
  }, 60_000);
});
