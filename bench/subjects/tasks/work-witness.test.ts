import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkInput } from '@tutti/actors';
import { nodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { borneOut, unwitnessed, WorkWitness } from './work-witness.ts';

const inputOf = (session: string, task: string, signal = new AbortController().signal): WorkInput => ({
  session,
  task,
  signal,
  with: { ms: 1 },
  orchestrator: 'bench',
  node: nodeId('n1'),
  attempt: 1,
  fence: 1,
  needs: {},
  folder: '.',
});

test('what is said to be done without a call is refused, and calls beyond it are not', async () => {
  const witness = new WorkWitness();
  const doing = (calls: number) => async () => {
    for (let i = 0; i < calls; i++) witness.functions['noop']!(inputOf('s', `t${i}`));
    return { done: 3 };
  };
  await expect(borneOut(() => witness.calls, doing(2))).rejects.toThrow(/3 tasks .* called 2 times/);
  await expect(borneOut(() => witness.calls, doing(3))).resolves.toEqual({ done: 3 });
  await expect(borneOut(() => witness.calls, doing(4))).resolves.toEqual({ done: 3 });
});

test('a task is witnessed by the line of its own session, and not when it was aborted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-witness-'));
  try {
    const file = join(folder, 'work');
    const { functions } = new WorkWitness(file);
    await functions['timed']!(inputOf('s1', 't1'));
    await functions['timed']!(inputOf('s2', 't2'));
    const gone = new AbortController();
    const attempt = functions['timed']!(inputOf('s1', 't3', gone.signal)) as Promise<unknown>;
    gone.abort(new Error('lost its lease'));
    await expect(attempt).rejects.toThrow('lost its lease');
    expect(unwitnessed(file, 's1', ['t1'])).toBe(0);
    expect(unwitnessed(file, 's1', ['t1', 't2', 't3'])).toBe(2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
