import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { exists, start } from './command.ts';

const here = dirname(fileURLToPath(import.meta.url));
const plan = join(here, 'fixtures', 'busy.yaml');
const folder = mkdtempSync(join(tmpdir(), 'tutti-interrupt-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('Ctrl-C', () => {
  it('ends a run with its nodes, and leaves no half-written file', async () => {
    const temporary = mkdtempSync(join(folder, 'tmp-'));
    const run = start(['run', plan, '--out', join(folder, 'out')], undefined, { TMPDIR: temporary });
    const [, ...pids] = await run.prints(/pid (\d+)\)[^]*pid (\d+)\)[^]*pid (\d+)\)[^]*done {2}/);
    run.process.kill('SIGINT');
    expect(await run.ended).toBe(130);
    expect(pids.map((pid) => exists(Number(pid)))).toEqual([false, false, false]);
    expect(readdirSync(temporary)).toEqual([]);
    const [session] = readdirSync(join(folder, 'out'));
    const complete = /^(report\.html|run\.json|[\w-]+\.txt)$/;
    expect(readdirSync(join(folder, 'out', session!)).filter((name) => !complete.test(name))).toEqual([]);
  });

  it('ends a cluster that was kept up, and the next one goes on from its state', async () => {
    const dir = join(folder, 'kept');
    const first = start(['up', '--nodes', '3', '--dir', dir, '--json']);
    const up = JSON.parse((await first.prints(/^\{.*\}$/m))[0]) as { nodes: { pid: number }[] };
    expect(existsSync(join(dir, 'cluster.json'))).toBe(true);
    first.process.kill('SIGINT');
    expect(await first.ended).toBe(0);
    expect(existsSync(join(dir, 'cluster.json'))).toBe(false);
    expect(up.nodes.map(({ pid }) => exists(pid))).toEqual([false, false, false]);

    const second = start(['up', '--nodes', '3', '--dir', dir, '--json']);
    await second.prints(/^\{.*\}$/m);
    const ps = start(['ps', '--dir', dir, '--json']);
    expect(await ps.ended).toBe(0);
    const { nodes } = JSON.parse(ps.stdout()) as {
      nodes: { incarnation: number; consensus: { term: number } }[];
    };
    expect(nodes.map((node) => node.incarnation)).toEqual([2, 2, 2]);
    expect(Math.min(...nodes.map((node) => node.consensus.term))).toBeGreaterThanOrEqual(2);
    second.process.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  it('of the launcher itself by kill -9 takes its nodes with it', async () => {
    const run = start(['up', '--nodes', '3', '--dir', join(folder, 'orphans'), '--json']);
    const up = JSON.parse((await run.prints(/^\{.*\}$/m))[0]) as { nodes: { pid: number }[] };
    run.process.kill('SIGKILL');
    await run.ended;
    for (const { pid } of up.nodes) await expect.poll(() => exists(pid), { timeout: 20_000 }).toBe(false);
  });
});
