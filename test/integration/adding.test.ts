import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { exists, type Started, start } from './command.ts';

let dir: string;
let cluster: Started | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tutti-adding-'));
});
afterEach(async () => {
  cluster?.process.kill('SIGINT');
  await cluster?.ended;
  cluster = undefined;
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

interface RosterFile {
  readonly founders: string[];
  readonly joined: string[];
  readonly joining?: { node: string; learner: boolean };
  readonly checksum: number;
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(dir, name), 'utf8'));
const roster = () => read('roster.json') as RosterFile;
const nodes = () => (read('cluster.json') as { nodes: { id: string; pid: number }[] }).nodes;

async function up(count: number): Promise<Started> {
  const started = start(['up', '--nodes', String(count), '--dir', dir]);
  await started.prints(/Ctrl-C/);
  return started;
}

async function configuration(): Promise<unknown> {
  const status = start(['cluster', 'status', '--json', '--dir', dir]);
  await status.ended;
  return (JSON.parse(status.stdout()) as { configuration: unknown }).configuration;
}

it('an addition whose launcher dies on the way is done when the cluster is started again', async () => {
  const first = await up(3);
  const before = nodes();
  // The group cannot agree while two of three stand still.
  const stopped = before.filter(({ id }) => id !== 'n1');
  for (const { pid } of stopped) process.kill(pid, 'SIGSTOP');
  const addition = start(['cluster', 'add', '--learner', '--dir', dir]);
  await expect.poll(() => roster().joining, { timeout: 30_000 }).toEqual({ node: 'n4', learner: true });
  first.process.kill('SIGKILL');
  await first.ended;
  addition.process.kill('SIGKILL');
  await addition.ended;
  for (const { pid } of stopped) process.kill(pid, 'SIGKILL');
  for (const { pid } of before) await expect.poll(() => exists(pid), { timeout: 30_000 }).toBe(false);

  cluster = await up(3);
  expect(nodes().map(({ id }) => id)).toEqual(['n1', 'n2', 'n3', 'n4']);
  expect(roster()).toMatchObject({ founders: ['n1', 'n2', 'n3'], joined: ['n4'] });
  expect(roster().joining).toBeUndefined();
  expect(await configuration()).toMatchObject({ voters: ['n1', 'n2', 'n3'], learners: ['n4'] });
}, 120_000);

it('one that the group had agreed to, and nobody had noted, is done too: without that node there is no majority', async () => {
  const first = await up(1);
  const addition = start(['cluster', 'add', '--dir', dir]);
  await addition.ended;
  await expect
    .poll(configuration, { timeout: 30_000 })
    .toMatchObject({ voters: ['n1', 'n2'], isCommitted: true });
  first.process.kill('SIGINT');
  await first.ended;
  const { checksum: _, ...noted } = roster();
  const unnoted = { ...noted, joined: [], begun: ['n1'], joining: { node: 'n2', learner: false } };
  writeFileSync(join(dir, 'roster.json'), JSON.stringify(unnoted));

  cluster = await up(1);
  expect(nodes().map(({ id }) => id)).toEqual(['n1', 'n2']);
  expect(roster()).toMatchObject({ founders: ['n1'], joined: ['n2'] });
  expect(await configuration()).toMatchObject({ voters: ['n1', 'n2'] });
}, 120_000);
