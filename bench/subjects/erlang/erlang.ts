import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Measurement } from '../../harness/case.ts';
import { Histogram, type PackedHistogram } from '../../harness/histogram.ts';
import { erlangPaths } from '../../harness/requirements.ts';

/** What a program prints: a figure a line, `figure rate 5.9e6`; times, `times trip [70,82]`; and last `verified ...`. */
const FIGURE = /^figure (\S+) (\S+)$/gm;
const TIMES = /^times (\S+) (\[.*\])$/gm;
const VERIFIED = /^verified (.+)$/m;

/**
 * Compiles an Erlang program of this folder and runs its `main/0` with the virtual machine's own defaults, plus what
 * is given. `applications` are looked for among RabbitMQ's plugins.
 */
export async function runErlang(
  program: string,
  { flags = [], applications = [], variables = {} }: ErlangOptions = {},
): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-erlang-'));
  try {
    const source = fileURLToPath(new URL(`${program}.erl`, import.meta.url));
    execFileSync('erlc', ['-o', folder, source], { stdio: ['ignore', 'pipe', 'pipe'] });
    const paths = [folder, ...applications.flatMap(erlangPaths)].flatMap((path) => ['-pa', path]);
    const args = ['-noshell', '-noinput', ...flags, ...paths, '-s', program, 'main', '-s', 'init', 'stop'];
    return measurementOf(await outputOf('erl', args, { ...variables, BENCH_FOLDER: folder }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface ErlangOptions {
  readonly flags?: readonly string[];
  readonly applications?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
}

function outputOf(
  program: string,
  args: string[],
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0
        ? resolve(output)
        : reject(new Error(`${program} ended with ${code}: ${output.slice(-2_000)}`)),
    );
  });
}

export function measurementOf(output: string): Measurement {
  const figures = Object.fromEntries(
    [...output.matchAll(FIGURE)].map(([, name, value]) => [name!, Number(value)] as const),
  );
  const histograms = Object.fromEntries(
    [...output.matchAll(TIMES)].map(([, name, times]) => [name!, packed(JSON.parse(times!) as number[])]),
  );
  const verified = VERIFIED.exec(output)?.[1];
  if (verified === undefined)
    throw new Error(`the program did not say what it verified: ${output.slice(-2_000)}`);
  return { figures, histograms, verified };
}

function packed(times: readonly number[]): PackedHistogram {
  const histogram = new Histogram();
  for (const time of times) histogram.record(time);
  return histogram.pack();
}
