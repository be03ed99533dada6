import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNode } from 'tutti';
import { afterAll, describe, expect, it } from 'vitest';
import { start } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-bad-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Runs a command that must be refused before anything is started, and gives what it says. */
async function refusal(...args: string[]): Promise<string> {
  const started = start(args, folder);
  expect(await started.ended).toBe(2);
  expect(started.stdout()).toBe('');
  return started.stderr();
}

describe('bad input is refused with a code, the place and a way out', () => {
  it.each([
    ['a plan that is not YAML', 'a: [1\n', 'TUTTI_PLAN_SYNTAX', 'broken.yaml:2'],
    ['a misspelt key', 'name: x\ntasks:\n  a:\n    simulat: 5\n', 'TUTTI_PLAN_INVALID', 'broken.yaml:4'],
    [
      'a circle',
      'name: x\ntasks:\n  a: { simulate: 1, needs: c }\n  b: { simulate: 1, needs: a }\n  c: { simulate: 1, needs: b }\n',
      'TUTTI_PLAN_CYCLE',
      'broken.yaml:3',
    ],
    [
      'a missing need',
      'name: x\ntasks:\n  build: { simulate: 1 }\n  b: { simulate: 1, needs: biuld }\n',
      'TUTTI_PLAN_NEED_MISSING',
      'build',
    ],
    [
      'an unknown worker',
      'name: x\nworkers: ./none.ts\ntasks:\n  a: { uses: go }\n',
      'TUTTI_WORKER_MODULE_FAILED',
      'none.ts',
    ],
  ])('%s', async (_, text, code, where) => {
    const said = await refusal('run', file('broken.yaml', text));
    expect(said).toContain(code);
    expect(said).toContain(where);
    expect(said).toContain('way out:');
  });

  it('an option that makes no sense', async () => {
    const plan = file('good.yaml', 'name: x\ntasks:\n  a: { simulate: 1 }\n');
    expect(await refusal('run', plan, '--kill', 'everybody')).toContain('TUTTI_OPTION_INVALID');
    expect(await refusal('run', plan, '--nodes', '9')).toContain('TUTTI_OPTION_INVALID');
    expect(await refusal('ps', '--dir', join(folder, 'nothing'))).toContain('TUTTI_CLUSTER_NOT_RUNNING');
  });

  it.each([
    ['--kill', 'n9@10%', 'TUTTI_NODE_UNKNOWN'],
    ['--seed', 'abc', 'TUTTI_OPTION_INVALID'],
    ['--time', 'bogus', 'TUTTI_OPTION_INVALID'],
    ['--out', '/proc/nowhere', 'TUTTI_FOLDER_UNWRITABLE'],
    ['--wrong', 'x', 'TUTTI_USAGE'],
  ])('an option with what it cannot be: %s %s, as one JSON document', async (option, value, code) => {
    const plan = file('good.yaml', 'name: x\ntasks:\n  a: { simulate: 1 }\n');
    const started = start(['run', plan, '--json', option, value], folder);
    expect(await started.ended).toBe(2);
    expect(JSON.parse(started.stdout())).toMatchObject({ error: { code } });
  });

  it('is told as one JSON document with --json', async () => {
    const started = start([
      'run',
      file('circle.yaml', 'name: x\ntasks:\n  a: { simulate: 1, needs: a }\n'),
      '--json',
    ]);
    expect(await started.ended).toBe(2);
    expect(JSON.parse(started.stdout())).toMatchObject({ error: { code: 'TUTTI_PLAN_SELF_NEED' } });
  });

  it('a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const node = createNode({ dataDir: join(folder, 'port'), listen: { port } });
    await expect(node.start()).rejects.toMatchObject({ code: 'TUTTI_PORT_IN_USE', details: { port } });
    await node.stop();
    taken.close();
  });

  it('a data directory of another cluster, or of another node, which stays as it was', async () => {
    const dataDir = join(folder, 'mine');
    const node = createNode({ dataDir, cluster: 'mine', name: 'n1' });
    await node.start();
    await node.stop();
    expect(() => createNode({ dataDir, cluster: 'other', name: 'n1' })).toThrow(
      expect.objectContaining({ code: 'TUTTI_STORE_WRONG_CLUSTER' }),
    );
    expect(() => createNode({ dataDir, cluster: 'mine', name: 'n2' })).toThrow(
      expect.objectContaining({ code: 'TUTTI_STORE_WRONG_NODE' }),
    );
    const again = createNode({ dataDir, cluster: 'mine', name: 'n1' });
    await again.start();
    expect(again.incarnation).toBe(2);
    await again.stop();
  });

  it('a directory that a living node has open', async () => {
    const dataDir = join(folder, 'twice');
    const first = createNode({ dataDir });
    await first.start();
    const second = createNode({ dataDir });
    await expect(second.start()).rejects.toMatchObject({ code: 'TUTTI_STORE_LOCKED' });
    await second.stop();
    await first.stop();
  });

  it('a cluster file that is no cluster file', async () => {
    mkdirSync(join(folder, 'odd'), { recursive: true });
    writeFileSync(join(folder, 'odd', 'cluster.json'), '{');
    expect(await refusal('ps', '--dir', join(folder, 'odd'))).toContain('TUTTI_CLUSTER_NOT_RUNNING');
  });
});
