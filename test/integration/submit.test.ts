import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunDocument } from 'tutti';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Started, start } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-submit-'));
const dir = join(folder, 'cluster');
const plan = join(folder, 'gate.yaml');
let cluster: Started;

const tutti = (...args: string[]): Started => start([...args, '--dir', dir]);

/** The state of a session as `tutti ps` shows it. */
async function stateOf(session: string): Promise<string> {
  const ps = tutti('ps', session, '--json');
  await ps.ended;
  return (JSON.parse(ps.stdout()) as { state: string }).state;
}

beforeAll(async () => {
  // The first task waits until somebody opens the gate; nothing sleeps.
  writeFileSync(
    plan,
    'name: Gate\ntasks:\n  hold: { run: mkfifo gate && cat gate }\n  next: { run: echo on, needs: hold }\n',
  );
  cluster = start(['up', '--nodes', '3', '--dir', dir]);
  await cluster.prints(/Ctrl-C/);
});
afterAll(async () => {
  cluster.process.kill('SIGINT');
  await cluster.ended;
  rmSync(folder, { recursive: true, force: true });
});

it('runs a plan on the cluster that is there, and leaves the cluster standing', async () => {
  const submitted = tutti('submit', plan, '--out', folder, '--json');
  const ps = async (): Promise<{ session: string }[]> => {
    const asked = tutti('ps', '--json');
    await asked.ended;
    return (JSON.parse(asked.stdout()) as { sessions: { session: string }[] }).sessions;
  };
  await expect.poll(ps, { timeout: 30_000 }).toHaveLength(1);
  const [{ session }] = (await ps()) as [{ session: string }];
  await expect.poll(() => existsSync(join(folder, session, 'gate')), { timeout: 30_000 }).toBe(true);
  writeFileSync(join(folder, session, 'gate'), 'open\n');
  expect(await submitted.ended).toBe(0);
  const run = JSON.parse(submitted.stdout()) as RunDocument;
  expect(run).toMatchObject({ session, state: 'done', lost: 0, committedTwice: 0 });
  expect(run.nodes.map(({ state }) => state)).toEqual(['up', 'up', 'up']);
  expect(existsSync(run.report!)).toBe(true);
  expect(await stateOf(session)).toBe('done');
});

it('leaves the session running when the following is interrupted, until it is cancelled', async () => {
  const submitted = tutti('submit', plan, '--out', folder);
  const [, session] = await submitted.prints(/session\s+(\S+)/);
  submitted.process.kill('SIGINT');
  expect(await submitted.ended).toBe(130);
  expect(submitted.stdout()).toContain(`tutti cancel ${session}`);
  expect(await stateOf(session!)).toBe('running');
  const cancelled = tutti('cancel', session!);
  expect(await cancelled.ended).toBe(0);
  expect(cancelled.stdout()).toBe(`${session} is cancelled\n`);
  expect(await stateOf(session!)).toBe('cancelled');
});

it('with --detach only says which session it is', async () => {
  const submitted = tutti('submit', plan, '--out', folder, '--detach');
  expect(await submitted.ended).toBe(0);
  const session = submitted.stdout().trim();
  expect(await stateOf(session)).toBe('running');
  await tutti('cancel', session).ended;
});

it('says where it looked when no cluster runs there', async () => {
  const lost = start(['submit', plan, '--dir', join(folder, 'nowhere')]);
  expect(await lost.ended).toBe(2);
  expect(lost.stderr()).toContain('TUTTI_CLUSTER_NOT_RUNNING');
});

it('says where and why when the cluster ends while it follows, and what to do', async () => {
  const lost = join(folder, 'lost');
  const other = start(['up', '--nodes', '1', '--dir', lost]);
  await other.prints(/Ctrl-C/);
  const submitted = start(['submit', plan, '--out', folder, '--dir', lost]);
  await submitted.prints(/hold/);
  other.process.kill('SIGKILL');
  await other.ended;
  expect(await submitted.ended).toBe(1);
  const said = submitted.stderr();
  expect(said).toContain(
    `TUTTI_ADMIN_UNREACHABLE  No node of the cluster in ${lost} answers: the command that kept it, process`,
  );
  expect(said).toContain('Start it again with `tutti up` and the same --dir');
  expect(said).not.toContain('fetch failed');
});
