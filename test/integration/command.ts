import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunDocument } from 'tutti';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const main = join(root, 'packages', 'tutti', 'src', 'cli', 'main.ts');

/** A `tutti` command that has been started, and what it has printed so far. */
export interface Started {
  readonly process: ChildProcess;
  /** Resolves with its exit code when it is over. */
  readonly ended: Promise<number | null>;
  stdout(): string;
  stderr(): string;
  /** Resolves when standard output matches; rejects when the command ends before it does. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts the command line from source, with no standard input. */
export function start(args: readonly string[], cwd = root, env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, NO_COLOR: '1' },
  });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  const heard = () => {
    for (const watcher of Array.from(watchers)) watcher();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    heard();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    process: child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    prints: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(stdout);
          if (!match) return;
          watchers.delete(look);
          resolve(match);
        };
        watchers.add(look);
        look();
        void ended.then((code) =>
          reject(new Error(`it ended with ${code} before it printed ${pattern}:\n${stdout}\n${stderr}`)),
        );
      }),
  };
}

/** Runs a plan with `--json` and gives its document. */
export async function runPlanFile(
  plan: string,
  args: readonly string[],
): Promise<{ code: number | null; run: RunDocument }> {
  const started = start(['run', plan, '--json', ...args]);
  const code = await started.ended;
  return { code, run: JSON.parse(started.stdout()) as RunDocument };
}

/** Whether a process exists. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
