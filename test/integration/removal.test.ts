import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { exists, type Started, start } from './command.ts';

const dir = mkdtempSync(join(tmpdir(), 'tutti-removal-'));
let cluster: Started | undefined;
afterAll(async () => {
  cluster?.process.kill('SIGINT');
  await cluster?.ended;
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

const read = (name: string): unknown => JSON.parse(readFileSync(join(dir, name), 'utf8'));
const leaving = () => (read('roster.json') as { leaving?: string }).leaving;
const nodes = () => (read('cluster.json') as { nodes: { id: string; pid: number }[] }).nodes;

async function up(): Promise<Started> {
  const started = start(['up', '--nodes', '3', '--dir', dir]);
  await started.prints(/Ctrl-C/);
  return started;
}

it('a removal whose launcher dies on the way is done when the cluster is started again', async () => {
  const first = await up();
  const before = nodes();
  // The group cannot agree while two of three stand still.
  const stopped = before.filter(({ id }) => id !== 'n1');
  for (const { pid } of stopped) process.kill(pid, 'SIGSTOP');
  const removal = start(['cluster', 'remove', 'n3', '--dir', dir]);
  await expect.poll(leaving, { timeout: 30_000 }).toBe('n3');
  first.process.kill('SIGKILL');
  await first.ended;
  removal.process.kill('SIGKILL');
  await removal.ended;
  for (const { pid } of stopped) process.kill(pid, 'SIGKILL');
  for (const { pid } of before) await expect.poll(() => exists(pid), { timeout: 30_000 }).toBe(false);

  cluster = await up();
  expect(nodes().map(({ id }) => id)).toEqual(['n1', 'n2']);
  expect(read('roster.json')).toMatchObject({ founders: ['n1', 'n2', 'n3'], removed: ['n3'] });
  expect(leaving()).toBeUndefined();
  const status = start(['cluster', 'status', '--json', '--dir', dir]);
  await status.ended;
  expect(JSON.parse(status.stdout())).toMatchObject({
    configuration: { voters: ['n1', 'n2'], isCommitted: true },
  });
}, 120_000);

it('one that the group had agreed to, and nothing else had been done for, is done too', async () => {
  cluster!.process.kill('SIGINT');
  await cluster!.ended;
  const { checksum: _, ...roster } = read('roster.json') as { checksum: number };
  writeFileSync(join(dir, 'roster.json'), JSON.stringify({ ...roster, removed: [], leaving: 'n3' }));
  cluster = await up();
  expect(nodes().map(({ id }) => id)).toEqual(['n1', 'n2']);
  expect(read('roster.json')).toMatchObject({ removed: ['n3'] });
  expect(leaving()).toBeUndefined();
}, 60_000);
