import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { removeSampleFolder, sweepSampleFolders } from './sample-folder.ts';
import { measureInProcess } from './sample-process.ts';

const HARNESS = fileURLToPath(new URL('.', import.meta.url));
/** What the harness takes from the packages to measure a sample in a process of its own. */
const TAKEN = 'packages/tutti/src/node/is-running.ts';
const PATIENCE = { timeout: 20_000, interval: 20 };

/** A case whose subject starts a program of somebody else's, writes a log, and never answers. */
const CASE = `
import { spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const load = async () => () => {
  const program = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  writeFileSync(join(process.env.TUTTI_BENCH_DISK, 'log'), 'entries');
  const draft = join(process.env.TUTTI_BENCH_DISK, 'draft');
  writeFileSync(draft, String(program.pid));
  renameSync(draft, process.env.PID_FILE);
  return new Promise(() => {});
};
export const bench = { id: 'Z1', subjects: [{ id: 'ours', load }] };
`;

/** What asks for the one sample of that case, as the bench does. */
const parentOf = (root: string) => `
const { measureInProcess, endSamples } = await import(${JSON.stringify(join(HARNESS, 'sample-process.ts'))});
process.once('SIGTERM', () => {
  endSamples();
  process.exit(0);
});
await measureInProcess(${JSON.stringify(root)}, { caseId: 'Z1', subjectId: 'ours', sizes: {} }, 60_000);
`;

let root: string;
let disk: string;
let parent: ChildProcess;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tutti-sample-process-'));
  disk = join(root, 'disk');
  mkdirSync(disk);
  mkdirSync(join(root, 'bench/cases'), { recursive: true });
  cpSync(HARNESS, join(root, 'bench/harness'), { recursive: true });
  cpSync(join(HARNESS, '../..', TAKEN), join(root, TAKEN));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(join(root, 'bench/cases/z1-grandchild.bench.ts'), CASE);
});

afterEach(() => {
  parent?.kill('SIGKILL');
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

/** Starts a bench and its sample, and answers the program that the sample has started. */
async function startedProgram(): Promise<number> {
  const pidFile = join(root, 'pid');
  parent = spawn(process.execPath, ['--input-type=module', '-e', parentOf(root)], {
    env: { ...process.env, TUTTI_BENCH_DISK: disk, PID_FILE: pidFile },
    stdio: 'ignore',
  });
  await vi.waitFor(() => expect(existsSync(pidFile)).toBe(true), PATIENCE);
  return Number(readFileSync(pidFile, 'utf8'));
}

/** Whether a process is there and not only waiting for its end to be noticed. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'a bench that ends by %s leaves neither programs nor files behind',
  async (signal) => {
    const program = await startedProgram();
    expect(isAlive(program)).toBe(true);
    expect(readdirSync(disk)).toHaveLength(1);
    parent.kill(signal);
    await vi.waitFor(() => expect([isAlive(program), readdirSync(disk)]).toEqual([false, []]), PATIENCE);
  },
);

/** A case that counts the samples that its process has measured, and tells the process and its folder. */
const COUNTING_CASE = `
let samples = 0;
const run = () => ({
  figures: { samples: ++samples, pid: process.pid },
  verified: process.env.TUTTI_BENCH_DISK,
});
const fail = () => Promise.reject(new Error('the log lacks 3 of 100'));
const subject = (id, run) => ({ id, load: async () => async () => run() });
export const bench = { id: 'Z2', subjects: [subject('ours', run), subject('failing', fail)] };
`;

test('each sample has a process and a folder of its own, and both are gone when the next begins', async () => {
  vi.stubEnv('TUTTI_BENCH_DISK', disk);
  writeFileSync(join(root, 'bench/cases/z2-counting.bench.ts'), COUNTING_CASE);
  const request = { caseId: 'Z2', subjectId: 'ours', sizes: {} };
  const pids = new Set<number>();
  const folders = new Set<string>();
  for (let sample = 1; sample <= 3; sample++) {
    const { figures, verified } = await measureInProcess(root, request, PATIENCE.timeout);
    expect(figures['samples']).toBe(1);
    expect([existsSync(`/proc/${figures['pid']}`), existsSync(verified)]).toEqual([false, false]);
    pids.add(figures['pid']!);
    folders.add(verified);
  }
  expect([pids.size, folders.size]).toEqual([3, 3]);
  const failing = measureInProcess(root, { ...request, subjectId: 'failing' }, PATIENCE.timeout);
  await expect(failing).rejects.toThrow('the log lacks 3 of 100');
  const unknown = measureInProcess(root, { ...request, subjectId: 'none' }, PATIENCE.timeout);
  await expect(unknown).rejects.toThrow('there is no subject none in case Z2');
});

test('files of a bench that is gone are removed at the start of the next, and nobody else’s', async () => {
  vi.stubEnv('TUTTI_BENCH_DISK', disk);
  const gone = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  await new Promise((resolve) => gone.once('exit', resolve));
  const names = [`tutti-bench-${process.pid}-a`, 'tutti-bench-notes', 'data'];
  for (const name of [...names, `tutti-bench-${gone.pid}-b`])
    mkdirSync(join(disk, name, 'log'), { recursive: true });
  sweepSampleFolders();
  expect(readdirSync(disk).sort()).toEqual(names.toSorted());
  removeSampleFolder(join(disk, 'data'));
  expect(existsSync(join(disk, 'data'))).toBe(true);
});
