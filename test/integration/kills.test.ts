import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunDocument } from 'tutti';
import { afterAll, describe, expect, it } from 'vitest';
import { exists, runPlanFile } from './command.ts';

const here = dirname(fileURLToPath(import.meta.url));
const plan = join(here, 'fixtures', 'busy.yaml');
const out = mkdtempSync(join(tmpdir(), 'tutti-kills-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** What must hold of a finished run, whoever was killed and when. */
function expectWhole(run: RunDocument): void {
  expect(run).toMatchObject({ state: 'done', lost: 0, committedTwice: 0 });
  const byId = new Map(run.tasks.map((task) => [task.id, task]));
  expect(byId.size).toBe(12);
  for (const task of run.tasks) {
    expect(task).toMatchObject({ state: 'done', completions: 1 });
    expect(task.attemptLog.filter((attempt) => attempt.outcome === 'done')).toHaveLength(1);
    for (const need of task.needs) expect(byId.get(need)!.endedAt).toBeLessThanOrEqual(task.startedAt!);
  }
  const fences = run.tasks.flatMap((task) => task.attemptLog.map((attempt) => attempt.fence));
  expect(new Set(fences).size).toBe(fences.length);
  const [meet] = run.barriers;
  expect(meet).toMatchObject({ state: 'released' });
  for (const after of ['b3', 'b4', 'f3', 'f4'])
    expect(byId.get(after)!.endedAt).toBeLessThanOrEqual(meet!.releasedAt!);
  for (const before of ['last-b', 'last-f'])
    expect(byId.get(before)!.startedAt).toBeGreaterThanOrEqual(meet!.releasedAt!);
}

/** Every task's result follows from those it needs, so one wrong or missing result would change the last ones. */
function results(run: RunDocument): Record<string, unknown> {
  return Object.fromEntries(run.tasks.map((task) => [task.id, task.output]));
}

describe('a plan on three real processes', () => {
  let undisturbed: Record<string, unknown>;

  it('runs to its end and leaves no process behind', async () => {
    const { code, run } = await runPlanFile(plan, ['--nodes', '3', '--out', out]);
    expect(code).toBe(0);
    expectWhole(run);
    expect(run.tasks.every((task) => task.attempts === 1)).toBe(true);
    expect(run.nodes.map((node) => exists(node.pid!))).toEqual([false, false, false]);
    undisturbed = results(run);
  });

  it.each([
    ['the leader, halfway', ['--kill', 'leader@50%']],
    ['the leader, before the first task is done', ['--kill', 'leader@0%']],
    ['a follower, early', ['--kill', 'follower@20%']],
    ['somebody at random (seed 3)', ['--kill', 'random', '--seed', '3']],
    ['somebody at random (seed 11), in waves', ['--kill', 'random', '--seed', '11', '--mode', 'wave']],
  ])('comes to the same results when kill -9 takes %s', async (_, args) => {
    const { code, run } = await runPlanFile(plan, ['--nodes', '3', '--out', out, ...args]);
    expect(code).toBe(0);
    expectWhole(run);
    expect(run.kills).toHaveLength(1);
    expect(run.kills[0]!.gapMs).toBeGreaterThan(0);
    expect(run.leader.last).not.toBe(run.kills[0]!.node);
    expect(run.nodes.find((node) => node.id === run.kills[0]!.node)?.state).toBe('killed');
    expect(results(run)).toEqual(undisturbed);
    const files = readdirSync(run.folder);
    expect(files.filter((file) => file.endsWith('.txt'))).toHaveLength(11);
    expect(readFileSync(run.report!, 'utf8')).toContain('kill -9');
  });

  it.each([
    ['1', ['n1@50%']],
    ['3', ['n1@20%', 'n2@20%']],
  ])('of which too many are killed (%s nodes) ends with a code', async (nodes, kills) => {
    const { code, run } = await runPlanFile(plan, ['--nodes', nodes, '--out', out, '--kill', ...kills]);
    expect(code).toBe(1);
    expect(run).toMatchObject({ error: { code: 'TUTTI_QUORUM_LOST' } });
  });

  it('ends two of five nodes and still finishes', async () => {
    const { run } = await runPlanFile(plan, [
      '--nodes',
      '5',
      '--out',
      out,
      '--kill',
      'leader@25%',
      'follower@60%',
    ]);
    expectWhole(run);
    expect(run.kills).toHaveLength(2);
    expect(results(run)).toEqual(undisturbed);
  });
});
