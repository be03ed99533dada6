import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addWorktree } from './worktree.ts';

let root: string;
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' });
const commit = (message: string) => {
  git('add', '-A');
  git('-c', 'user.name=a', '-c', 'user.email=a@localhost', 'commit', '-qm', message);
};
const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const link = (path: string, target: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path), 'dir');
};
const trees = () => git('worktree', 'list', '--porcelain').match(/^worktree /gm)!.length;

/** A workspace of two commits: a package, another that needs it, a bench, and a module that was installed. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tutti-worktree-'));
  git('init', '-q');
  write('.gitignore', 'node_modules\n');
  write('packages/core/index.ts', 'old');
  write('packages/user/index.ts', 'user');
  write('bench/case.ts', 'old');
  commit('old');
  write('packages/core/index.ts', 'new');
  write('bench/case.ts', 'new');
  commit('new');
  write('bench/case.ts', 'changed since');
  write('node_modules/.store/installed/index.js', 'installed');
  link('packages/user/node_modules/@own/core', join(root, 'packages/core'));
  link('packages/user/node_modules/installed', join(root, 'node_modules/.store/installed'));
  link('bench/node_modules/@own/core', join(root, 'packages/core'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

test('another revision has its own packages, this tree’s bench, and what was installed', () => {
  const tree = addWorktree(root, 'HEAD~1');
  const read = (path: string) => readFileSync(join(tree.root, path), 'utf8');
  try {
    expect(read('packages/core/index.ts')).toBe('old');
    expect(read('bench/case.ts')).toBe('changed since');
    expect(read('packages/user/node_modules/@own/core/index.ts')).toBe('old');
    expect(read('bench/node_modules/@own/core/index.ts')).toBe('old');
    expect(read('packages/user/node_modules/installed/index.js')).toBe('installed');
    expect(readFileSync(join(root, 'packages/core/index.ts'), 'utf8')).toBe('new');
  } finally {
    tree.remove();
  }
  expect([existsSync(tree.root), trees()]).toEqual([false, 1]);
});

test('a revision that is not there is told, and leaves nothing', () => {
  expect(() => addWorktree(root, 'no-such-revision')).toThrow(/no-such-revision/);
  expect(trees()).toBe(1);
});
