// `npm run build`: what is published. Each package becomes JavaScript with declarations in its own `dist`, in the
// order of who needs whom, and then a tarball in `dist/` at the top. Nothing in development needs it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['kernel', 'consensus', 'transport', 'runtime', 'actors', 'tutti'];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tarballs = join(root, 'dist');

function run(command: string, args: readonly string[], cwd: string): void {
  const result = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (result.status === 0) return;
  process.stderr.write(`build: ${command} ${args.join(' ')} failed in ${cwd}\n`);
  process.exit(1);
}

/** Packages built before are seen as they will be published; otherwise their sources would be compiled again. */
function pathsTo(built: readonly string[]): Record<string, string[]> {
  const paths: Record<string, string[]> = {};
  for (const name of built) {
    const dist = join(root, 'packages', name, 'dist');
    paths[`@tutti/${name}`] = [join(dist, 'index.d.ts')];
    paths[`@tutti/${name}/file`] = [join(dist, 'storage', 'file', 'index.d.ts')];
    paths[`@tutti/${name}/*`] = [join(dist, '*', 'index.d.ts')];
  }
  return paths;
}

function build(name: string, built: readonly string[]): void {
  const folder = join(root, 'packages', name);
  const config = join(folder, 'tsconfig.build.json');
  rmSync(join(folder, 'dist'), { recursive: true, force: true });
  const exclude = ['src/**/*.test.ts', 'src/**/fixtures/**'];
  const compilerOptions = { paths: pathsTo(built), noEmit: false, sourceMap: false };
  writeFileSync(
    config,
    JSON.stringify({ extends: './tsconfig.json', compilerOptions, include: ['src'], exclude }),
  );
  try {
    run('tsc', ['--project', config], folder);
  } finally {
    rmSync(config, { force: true });
  }
}

rmSync(tarballs, { recursive: true, force: true });
mkdirSync(tarballs, { recursive: true });
PACKAGES.forEach((name, index) => build(name, PACKAGES.slice(0, index)));
for (const name of PACKAGES)
  run('npx', ['--yes', 'pnpm@12.21.0', 'pack', '--pack-destination', tarballs], join(root, 'packages', name));
process.stdout.write(`${tarballs}\n`);
