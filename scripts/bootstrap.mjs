// Entry of every npm script. Runs on the host's Node (20 or newer), installs the pinned tool chain when the
// lock file has changed since the last run, then hands over to the pinned Node 24 with the same arguments.
// Plain JavaScript on purpose: it must run before anything is installed. Everything it says goes to stderr,
// so a command's standard output stays its own.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PNPM = 'pnpm@12.21.0';
const LOCK_STALE_AFTER_MS = 10 * 60_000;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.tutti-installed');
const lockFolder = join(root, '.tutti-install-lock');

function fingerprint() {
  const hash = createHash('sha256').update(PNPM).update(process.platform).update(process.arch);
  const manifests = ['pnpm-lock.yaml', 'package.json', 'pnpm-workspace.yaml'];
  for (const parent of ['packages', 'examples'])
    for (const name of existsSync(join(root, parent)) ? readdirSync(join(root, parent)).sort() : [])
      manifests.push(join(parent, name, 'package.json'));
  for (const name of manifests) {
    const path = join(root, name);
    if (existsSync(path)) hash.update(name).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function isInstalled(wanted) {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted && existsSync(nodeBinary());
}

function nodeBinary() {
  const inside = join(root, 'node_modules', 'node', 'bin');
  return join(inside, process.platform === 'win32' ? 'node.exe' : 'node');
}

/** Two commands started at once on a fresh clone: one installs, the other waits for it. */
function takeInstallLock() {
  for (;;) {
    try {
      mkdirSync(lockFolder);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(lockFolder, { throwIfNoEntry: false })?.mtimeMs ?? 0);
      if (age > LOCK_STALE_AFTER_MS) rmSync(lockFolder, { recursive: true, force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
}

function install(wanted) {
  takeInstallLock();
  const release = () => rmSync(lockFolder, { recursive: true, force: true });
  process.once('exit', release);
  try {
    if (isInstalled(wanted)) return;
    process.stderr.write(
      'tutti: installing the pinned tool chain (first run, or the lock file changed) ...\n',
    );
    const args = ['--yes', PNPM, 'install', '--frozen-lockfile', '--reporter=append-only'];
    const result = spawnSync('npx', args, {
      cwd: root,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
      env: { ...process.env, CI: 'true', npm_config_loglevel: 'error' },
    });
    if (result.status !== 0) {
      process.stderr.write(
        `tutti: the installation failed (${result.error?.message ?? `exit code ${result.status}`}).\n` +
          '       Check that this machine reaches the npm registry, then run the same command again.\n',
      );
      process.exit(result.status || 1);
    }
    writeFileSync(stampFile, wanted);
  } finally {
    release();
    process.removeListener('exit', release);
  }
}

function run(script, args) {
  const child = spawn(
    nodeBinary(),
    ['--disable-warning=ExperimentalWarning', resolve(root, script), ...args],
    {
      cwd: process.cwd(),
      stdio: 'inherit',
      env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH ?? ''}` },
    },
  );
  // A terminal sends Ctrl-C to the whole group: the child decides what to do with it, this shell only waits.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exit(code ?? 1);
  });
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  process.stderr.write(
    `tutti: Node 20 or newer is needed, this is ${process.version}. See https://nodejs.org\n`,
  );
  process.exit(1);
}
const [script, ...args] = process.argv.slice(2);
const wanted = fingerprint();
if (!isInstalled(wanted)) install(wanted);
run(script, args);
