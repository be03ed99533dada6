import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runPlanFile } from './command.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), 'fixtures');
const out = mkdtempSync(join(tmpdir(), 'tutti-rude-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

describe('workers that misbehave', () => {
  it('fail their own tasks with a code, a bounded number of times, and disturb nobody', async () => {
    const { code, run } = await runPlanFile(join(fixtures, 'rude.yaml'), ['--nodes', '3', '--out', out]);
    expect(code).toBe(0);
    const ends = run.tasks.map(({ id, state, attempts, attemptLog }) => [
      id,
      state,
      attempts,
      attemptLog.at(-1)?.problem?.code,
    ]);
    expect(ends).toEqual([
      ['text', 'degraded', 2, 'TUTTI_WORK_FAILED'],
      ['nothing', 'degraded', 2, 'TUTTI_WORK_FAILED'],
      ['textless', 'degraded', 2, 'TUTTI_WORK_FAILED'],
      ['a-lot', 'degraded', 2, 'TUTTI_WORK_FAILED'],
      ['circle', 'degraded', 1, 'TUTTI_OUTPUT_INVALID'],
      ['too-much', 'degraded', 1, 'TUTTI_PROPOSAL_TOO_LARGE'],
      ['exits', 'degraded', 2, 'TUTTI_WORK_FAILED'],
      ['late', 'degraded', 2, 'TUTTI_TASK_TIMEOUT'],
      ['void', 'done', 1, undefined],
      ['forgets', 'done', 1, undefined],
    ]);
    const texts = run.tasks.flatMap((task) =>
      task.attemptLog.map((attempt) => attempt.problem?.message ?? ''),
    );
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(5_000);
    expect(run.nodes.map((node) => node.state)).toEqual(['up', 'up', 'up']);
  });

  it('that block their node cost it its place for a moment, and the run goes on', async () => {
    const plan = join(out, 'blocks.yaml');
    writeFileSync(
      plan,
      `name: Blocks\nworkers: ${join(fixtures, 'rude-workers.ts')}\ntasks:\n  one: { uses: blocks }\n` +
        '  two: { uses: returnsNothing, needs: one }\n',
    );
    const { run } = await runPlanFile(plan, ['--nodes', '3', '--out', out]);
    expect(run).toMatchObject({ state: 'done', lost: 0, committedTwice: 0 });
  });
});
