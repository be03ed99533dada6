import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { describeMachine, isBusy } from './machine.ts';

let root: string;
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tutti-machine-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

test('a run says which commit it measured, and whether files differed from it', () => {
  git('init', '-q');
  writeFileSync(join(root, 'a'), 'committed');
  git('add', 'a');
  git('-c', 'user.name=a', '-c', 'user.email=a@localhost', 'commit', '-qm', 'a');
  const commit = git('rev-parse', 'HEAD');
  expect(describeMachine(root).commit).toBe(commit);
  writeFileSync(join(root, 'results.json'), 'what a run leaves is no change');
  expect(describeMachine(root).commit).toBe(commit);
  writeFileSync(join(root, 'a'), 'changed');
  expect(describeMachine(root).commit).toBe(`${commit}+`);
});

test('a tree without history has no commit to say', () => {
  vi.stubEnv('GIT_CEILING_DIRECTORIES', tmpdir());
  expect(describeMachine(root).commit).toBe('unknown');
});

test('it says what the figures are of: processor, memory, system, engine, disk and peers', () => {
  const machine = describeMachine(root);
  expect(machine).toMatchObject({ node: process.version, v8: process.versions.v8 });
  expect(machine.cores).toBeGreaterThan(0);
  expect(machine.memoryBytes).toBeGreaterThan(2 ** 20);
  expect(machine.loadBefore).toHaveLength(3);
  expect(machine.disk).toMatch(/./);
  expect(machine.versions).toHaveProperty('xstate');
});

test.each([
  [2, 1, false],
  [2, 1.01, true],
  [8, 3, false],
])('with %i cores and a load of %f before the first sample the machine is busy: %s', (cores, load, busy) => {
  expect(isBusy({ cores, loadBefore: [load, 0, 0] })).toBe(busy);
});
