import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

test.each([
  ['a text that is not there', ['R1', '--claims', '/no/such/text.md'], /text\.md: there is no such text/],
  ['a comparison that has no place', ['R1', '--compare', 'HEAD', '--json', '/proc/none/x.json'], /none/],
])('%s: the command says so, and measures nothing', (_what, args, problem) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(problem);
  expect(stderr).not.toMatch(/commit|1\/\d/);
});
