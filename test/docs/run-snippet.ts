import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** How a program ended. */
export interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** No program of the documents takes this long; one that hangs must not outlive its test. */
const HANGS_AFTER_MS = 100_000;

/** Runs a program to its end, with no standard input. */
export function run(
  command: string,
  args: readonly string[],
  cwd = root,
  env: NodeJS.ProcessEnv = {},
): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      timeout: HANGS_AFTER_MS,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/**
 * Runs a TypeScript snippet as a reader would: as a file of a package that has Tutti installed. It gets an empty
 * folder as its working directory.
 */
export async function runTypeScript(code: string): Promise<Ending> {
  const [ending] = await runTypeScriptAgain(code, 1);
  return ending!;
}

/** {@link runTypeScript} so many times, one after another; all have one folder. */
export async function runTypeScriptAgain(code: string, times: number): Promise<Ending[]> {
  const folder = mkdtempSync(join(root, 'test', 'docs', '.snippet-'));
  try {
    writeFileSync(join(folder, 'snippet.ts'), code);
    const args = ['--disable-warning=ExperimentalWarning', join(folder, 'snippet.ts')];
    const endings: Ending[] = [];
    while (endings.length < times) endings.push(await run(process.execPath, args, folder));
    return endings;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
