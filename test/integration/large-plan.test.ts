import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runPlanFile } from './command.ts';

const out = mkdtempSync(join(tmpdir(), 'tutti-large-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

describe('a plan of ten thousand tasks', () => {
  it('is taken in one command of the log, and runs to its end though the leader is killed halfway', async () => {
    const plan = join(out, 'large.json');
    const tasks = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, at) => [
        `task-${at}`,
        { simulate: 0, ...(at < 500 ? {} : { needs: [`task-${at - 500}`] }) },
      ]),
    );
    writeFileSync(
      plan,
      JSON.stringify({ name: 'Large', orchestrators: { workflow: { concurrency: 100 } }, tasks }),
    );
    const { code, run } = await runPlanFile(plan, ['--nodes', '3', '--out', out, '--kill', 'leader@50%']);
    expect(code).toBe(0);
    expect(run).toMatchObject({ state: 'done', lost: 0, committedTwice: 0 });
    expect(run.tasks).toHaveLength(10_000);
    expect(run.kills).toHaveLength(1);
  });
});
