// Entry of every npm script. Runs on the host's Node (20 or newer), installs the pinned tool chain when the
// lock file has changed since the last run, then hands over to the pinned Node 24 with the same arguments.
// Plain JavaScript on purpose: it must run before anything is installed. Everything it says goes to stderr,
// so a command's standard output stays its own.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PNPM = 'pnpm@12.21.0';
const LOCK_TOUCH_MS = 10_000;
/** A lock that nobody has touched for this long is stale, whatever its process id has come to mean since. */
const LOCK_STALE_AFTER_MS = 10 * 60_000;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.tutti-installed');
const lockFile = join(root, '.tutti-install-lock');
const say = (text) => void process.stderr.write(`tutti: ${text}\n`);

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
  return (
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === wanted &&
    existsSync(nodeBinary()) &&
    existsSync(join(root, 'packages', 'tutti', 'node_modules'))
  );
}

function nodeBinary() {
  const inside = join(root, 'node_modules', 'node', 'bin');
  return join(inside, process.platform === 'win32' ? 'node.exe' : 'node');
}

/** Two commands started at once on a fresh clone: one installs, the other waits for it. */
async function takeInstallLock() {
  const draft = `${lockFile}.${process.pid}`;
  let told = false;
  writeFileSync(draft, String(process.pid));
  try {
    while (!linked(draft, lockFile)) {
      const holder = readLock(lockFile);
      if (holder !== undefined && isStale(holder)) removeStaleLock(holder, `${draft}.stale`);
      else if (holder !== undefined) {
        if (!told) say(`another command (process ${holder}) is installing; waiting for it ...`);
        told = true;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A link appears with its contents or not at all. */
function linked(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function readLock(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isStale(holder) {
  const touchedAt = statSync(lockFile, { throwIfNoEntry: false })?.mtimeMs;
  if (touchedAt !== undefined && Date.now() - touchedAt > LOCK_STALE_AFTER_MS) return true;
  try {
    process.kill(Number(holder), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Moves aside what a dead process left. Whoever moved a living one's lock instead puts it back. */
function removeStaleLock(holder, aside) {
  try {
    renameSync(lockFile, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (readLock(aside) !== holder) linked(aside, lockFile);
  rmSync(aside, { force: true });
}

async function install(wanted) {
  await takeInstallLock();
  const touching = setInterval(() => utimesSync(lockFile, new Date(), new Date()), LOCK_TOUCH_MS);
  try {
    if (isInstalled(wanted)) return;
    say('installing the pinned tool chain (first run, or the lock file changed) ...');
    const { code, signal, problem } = await runInstaller();
    if (signal !== undefined) {
      say('the installation was interrupted; the next command goes on with it.');
      process.exitCode = 128 + constants.signals[signal];
    } else if (code !== 0) {
      say(
        `the installation failed (${problem ?? `exit code ${code}`}).\n` +
          '       Check that this machine reaches the npm registry, then run the same command again.',
      );
      process.exitCode = code || 1;
    } else writeFileSync(stampFile, wanted);
  } finally {
    clearInterval(touching);
    rmSync(lockFile, { force: true });
  }
}

/** Resolves when the installer has ended, also after a signal: until then nobody else may touch `node_modules`. */
function runInstaller() {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const args = ['--yes', PNPM, 'install', '--frozen-lockfile', '--reporter=append-only'];
  const child = spawn('npx', [...args, `--config.node-version=${devDependencies.node}`], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    env: { ...process.env, CI: 'true', npm_config_loglevel: 'error' },
  });
  let interruptedBy;
  const interrupt = (signal) => {
    interruptedBy = signal;
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, interrupt);
  return new Promise((resolve) => {
    const end = (code, problem) => {
      for (const signal of signals) process.off(signal, interrupt);
      resolve({ code, signal: interruptedBy, problem });
    };
    child.once('error', (error) => end(undefined, error.message));
    child.once('exit', (code, signal) => end(code, signal === null ? undefined : `signal ${signal}`));
  });
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
  say(`Node 20 or newer is needed, this is ${process.version}. See https://nodejs.org`);
  process.exit(1);
}
const [script, ...args] = process.argv.slice(2);
const wanted = fingerprint();
if (!isInstalled(wanted)) {
  try {
    await install(wanted);
  } catch (error) {
    say(
      `cannot install into ${root}: ${error.message}\n       This folder must be writable; clone it elsewhere.`,
    );
    process.exitCode = 1;
  }
}
if (process.exitCode === undefined) run(script, args);
