import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunDocument } from 'tutti';
import { afterAll, describe, expect, it } from 'vitest';
import { runPlanFile } from './command.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Recorded workflows are not part of the project; where they stand beside it, they are run. */
const traces = join(root, '..', 'shared', 'data', 'wfformat');
const names = existsSync(traces) ? readdirSync(traces).filter((name) => name.endsWith('.json')) : [];
const out = mkdtempSync(join(tmpdir(), 'tutti-virtual-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

const model = join(root, 'examples', 'storefront', 'plan-model.yaml');
const virtual = (plan: string, ...args: string[]) =>
  runPlanFile(plan, ['--time', 'virtual', '--nodes', '3', '--seed', '5', '--out', out, ...args]);

/** Every task once, and none before what it needs. Gives the longest path and the sum of the tasks' own times. */
function expectInOrder(run: RunDocument): void {
  const byId = new Map(run.tasks.map((task) => [task.id, task]));
  for (const task of run.tasks) {
    expect(task).toMatchObject({ state: 'done', completions: 1 });
    for (const need of task.needs) expect(byId.get(need)!.endedAt).toBeLessThanOrEqual(task.startedAt!);
  }
  expect(run).toMatchObject({ state: 'done', lost: 0, committedTwice: 0, time: 'virtual' });
}

/** What cannot be shared between runs: their names and places. */
function comparable({ session: _1, folder: _2, report: _3, ...rest }: RunDocument): object {
  return rest;
}

describe('a plan on virtual time', () => {
  it('takes the three hours that the storefront is estimated at, not the seven and a quarter of one pair of hands', async () => {
    const { run } = await virtual(model);
    expectInOrder(run);
    const minutes = run.makespanMs / 60_000;
    expect(minutes).toBeGreaterThanOrEqual(180);
    expect(minutes).toBeLessThan(182);
  });

  it('is the same run again from the same seed, a killed leader included', async () => {
    const first = await virtual(model, '--kill', 'leader@40%');
    const second = await virtual(model, '--kill', 'leader@40%');
    expectInOrder(first.run);
    expect(first.run.kills).toHaveLength(1);
    expect(comparable(second.run)).toEqual(comparable(first.run));
  });

  it('refuses work that takes real time', async () => {
    const started = await runPlanFile(join(root, 'examples', 'storefront', 'plan.yaml'), [
      '--time',
      'virtual',
    ]);
    expect(started.run).toMatchObject({ error: { code: 'TUTTI_VIRTUAL_REAL_WORK' } });
  });

  it.skipIf(names.length === 0).each(names)('runs the recorded workflow %s, parents first', async (name) => {
    const { run } = await virtual(join(traces, name));
    expectInOrder(run);
    const times = run.tasks.map((task) => task.endedAt! - task.startedAt!);
    expect(run.makespanMs).toBeGreaterThanOrEqual(Math.max(...times));
    expect(run.makespanMs).toBeLessThanOrEqual(times.reduce((sum, time) => sum + time, 0) + 60_000);
  });
});
