import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KillScenario } from './kill-scenarios.ts';
import type { KillMode } from './kill-switch.ts';

/** A place at which a process is killed. */
interface KillPoint {
  /** Which call it is, 1 for the first. */
  readonly at: number;
  readonly call: string;
  readonly mode: KillMode;
}

/** What came of killing processes at the points of one scenario. */
export interface KillReport {
  /** All points that there are, and how many of them were tried. */
  readonly points: number;
  readonly tried: number;
  /** Kills that came true: a run that takes another way may end before its point. */
  readonly killed: number;
  readonly problems: readonly string[];
}

interface ChildEnd {
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly complaint: string;
}

const PROGRAM = fileURLToPath(new URL('./killed-child.ts', import.meta.url));

function child(
  { name, program = PROGRAM }: KillScenario,
  directory: string,
  point: number,
  mode: KillMode,
): Promise<ChildEnd> {
  const args = [program, name, directory, String(point), mode];
  const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaint = '';
  process_.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  process_.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  return new Promise((resolve, reject) => {
    process_.on('error', reject);
    process_.on('close', (_code, signal) => resolve({ signal, output, complaint }));
  });
}

const factsIn = (path: string): unknown[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as unknown)
    : [];

/** Goes through the scenario once without a kill, and names every point that it passes. */
async function pointsOf(scenario: KillScenario, root: string): Promise<KillPoint[]> {
  const directory = join(root, 'whole');
  mkdirSync(directory, { recursive: true });
  await scenario.prepare(directory);
  const { output, complaint } = await child(scenario, directory, 0, 'before');
  if (output === '') throw new Error(`"${scenario.name}" does not come to its end: ${complaint}`);
  const calls = JSON.parse(output) as string[];
  return calls.flatMap((call, i): KillPoint[] => {
    const at = i + 1;
    if (call === 'send') return [{ at, call, mode: 'before' }];
    const modes: readonly KillMode[] = ['write', 'writeSync'].includes(call)
      ? ['before', 'half', 'after']
      : ['before', 'after'];
    return modes.map((mode) => ({ at, call, mode }));
  });
}

/**
 * Kills a process at points of a scenario, each in a process of its own, and looks from this one at what is left.
 * @param share Every so many points one is tried; 1 for all.
 * @param offset Which of the first so many is the first that is tried.
 */
export async function killAtPoints(
  scenario: KillScenario,
  { share, offset = 0, atOnce = 2 }: { share: number; offset?: number; atOnce?: number },
): Promise<KillReport> {
  const root = mkdtempSync(join(tmpdir(), 'tutti-killed-'));
  try {
    const points = await pointsOf(scenario, root);
    const chosen = points.filter((_, i) => i % share === offset % share);
    const problems: string[] = [];
    let killed = 0;
    const waiting = [...chosen];
    const work = async (): Promise<void> => {
      for (let point = waiting.shift(); point; point = waiting.shift()) {
        const { wasKilled, wrong } = await tryPoint(scenario, root, point);
        if (wasKilled) killed++;
        if (wrong)
          problems.push(`${scenario.name}, ${point.mode} call ${point.at} (${point.call}): ${wrong}`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return { points: points.length, tried: chosen.length, killed, problems };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function tryPoint(
  scenario: KillScenario,
  root: string,
  { at, mode }: KillPoint,
): Promise<{ wasKilled: boolean; wrong: string | undefined }> {
  const directory = join(root, `${at}-${mode}`);
  mkdirSync(directory, { recursive: true });
  await scenario.prepare(directory);
  const { signal, complaint } = await child(scenario, directory, at, mode);
  let wrong: string | undefined;
  if (complaint !== '') wrong = `it ended by itself: ${complaint}`;
  else {
    try {
      wrong = await scenario.check(directory, factsIn(`${directory}.told`));
    } catch (thrown) {
      wrong = String(thrown);
    }
  }
  rmSync(directory, { recursive: true, force: true });
  return { wasKilled: signal === 'SIGKILL', wrong };
}
