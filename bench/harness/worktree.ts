import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';

/** A revision checked out beside this tree, ready to run with this tree's installed packages and benches. */
export interface Worktree {
  readonly root: string;
  remove(): void;
}

/**
 * Checks a revision out into a temporary folder. Its packages are its own; what was installed from the registry is
 * shared with this tree; the bench is this tree's, so that both sides are measured by the same one.
 */
export function addWorktree(root: string, revision: string): Worktree {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-compare-'));
  const target = join(folder, 'tree');
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const remove = () => {
    rmSync(folder, { recursive: true, force: true });
    git('worktree', 'prune');
  };
  try {
    git('worktree', 'add', '--detach', target, revision);
    rmSync(join(target, 'bench'), { recursive: true, force: true });
    cpSync(join(root, 'bench'), join(target, 'bench'), {
      recursive: true,
      filter: (source) => !source.includes(`${sep}node_modules`),
    });
    for (const owner of ['', 'bench', ...packagesIn(root)]) linkModules(root, target, owner);
  } catch (thrown) {
    remove();
    throw thrown;
  }
  return { root: target, remove };
}

function packagesIn(root: string): string[] {
  return readdirSync(join(root, 'packages')).map((name) => join('packages', name));
}

/**
 * Gives `owner` in the target the modules it has in the source: a package of the workspace as the target's own copy,
 * anything else as the installed one. Names that begin with @ are folders of names.
 */
function linkModules(root: string, target: string, owner: string): void {
  const from = join(root, owner, 'node_modules');
  if (!existsSync(from) || !existsSync(join(target, owner))) return;
  const names = readdirSync(from).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(from, name)).map((inner) => join(name, inner)) : [name],
  );
  for (const name of names.filter((name) => !name.startsWith('.'))) {
    const real = realpathSync(join(from, name));
    const inside = relative(realpathSync(root), real);
    const isOwn = !inside.startsWith('..') && !inside.includes('node_modules');
    const link = join(target, owner, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(isOwn ? join(target, inside) : real, link, 'dir');
  }
}
