import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'tutti-crash-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a store that dies before, in or after any call that changes the disk has all that it acknowledged', async () => {
  const program = fileURLToPath(new URL('./testing/crash-points.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, root]);
  const { points, problems } = JSON.parse(stdout) as { points: number; problems: string[] };
  expect(problems).toEqual([]);
  expect(points).toBeGreaterThan(300);
});
