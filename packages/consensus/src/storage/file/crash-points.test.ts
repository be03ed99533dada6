import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'tutti-crash-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function tried(...args: readonly string[]): Promise<{ points: number; problems: string[] }> {
  const program = fileURLToPath(new URL('./testing/crash-points.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args]);
  return JSON.parse(stdout) as { points: number; problems: string[] };
}

test('a store that dies before, in or after any call that changes the disk has all that it acknowledged', async () => {
  const { points, problems } = await tried(root);
  expect(problems).toEqual([]);
  expect(points).toBeGreaterThan(300);
});

test('so has one group of a log that is shared, also while what is old of it is dropped', async () => {
  const { points, problems } = await tried(root, 'shared');
  expect(problems).toEqual([]);
  expect(points).toBeGreaterThan(300);
});
