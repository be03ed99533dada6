import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Measurement } from './case.ts';
import { PROFILE_VARIABLE } from './fleet-member.ts';
import type { ProfileSummary } from './profile.ts';
import { makeSampleFolder, removeSampleFolder } from './sample-folder.ts';
import type { SampleAnswer, SampleRequest } from './sample-messages.ts';

const OUTPUT_KEPT = 4_000;
/** The samples under way, and where their files are. */
const running = new Map<ChildProcess, string>();

type Measured = Extract<SampleAnswer, { type: 'measured' }>;

/**
 * Measures once in a fresh process, out of the tree at `root`; that process has ended when this settles. Rejects with
 * the sample's own words.
 */
export async function measureInProcess(
  root: string,
  request: SampleRequest,
  timeoutMs: number,
): Promise<Measurement> {
  const { measurement } = await answerOf(root, request, timeoutMs, {});
  return measurement;
}

/** The same under a profiler, which slows it down: the figures are thrown away. */
export async function profileInProcess(
  root: string,
  request: SampleRequest,
  timeoutMs: number,
): Promise<ProfileSummary | undefined> {
  const { profile } = await answerOf(root, request, timeoutMs, { [PROFILE_VARIABLE]: '1' });
  return profile;
}

function answerOf(
  root: string,
  request: SampleRequest,
  timeoutMs: number,
  variables: Readonly<Record<string, string>>,
): Promise<Measured> {
  // The sample's files are below a folder that is ours to remove, however the sample ends.
  const folder = makeSampleFolder();
  return new Promise<Measured>((resolve, reject) => {
    const child = fork(join(root, 'bench/harness/sample-main.ts'), [], {
      cwd: root,
      // A group of its own, so that whatever a sample has started ends with it.
      detached: true,
      execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, TUTTI_BENCH_DISK: folder, ...variables },
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    running.set(child, folder);
    let output = '';
    const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-OUTPUT_KEPT));
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    const timer = setTimeout(
      () => settle(() => reject(new Error(`no answer in ${timeoutMs} ms. ${output}`))),
      timeoutMs,
    );
    let isSettled = false;
    const settle = (action: () => void) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      running.delete(child);
      endGroup(child);
      // The system takes a process's gigabyte back on the processor that the next sample is to have.
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) action();
      else child.once('exit', action);
    };
    child.once('message', (answer: SampleAnswer) =>
      settle(() => (answer.type === 'measured' ? resolve(answer) : reject(new Error(answer.problem)))),
    );
    child.once('error', (failure) => settle(() => reject(failure)));
    child.once('exit', (code, signal) =>
      settle(() => reject(new Error(`it ended with ${signal ?? code} before it answered. ${output}`))),
    );
    child.send(request);
  }).finally(() => removeSampleFolder(folder));
}

/** Ends what is being measured now, and removes its files, for an interrupted run. */
export function endSamples(): void {
  for (const [child, folder] of running) {
    endGroup(child);
    removeSampleFolder(folder);
  }
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is gone already.
  }
}
