import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  COLLECT_METHOD,
  type FleetAnswer,
  type FleetCall,
  PROFILE_METHOD,
  PROFILE_VARIABLE,
} from './fleet-member.ts';
import type { ProfileSummary } from './profile.ts';

const PROFILE_PATIENCE_MS = 3_000;
const running = new Set<FleetProcess>();
const profiles: ProfileSummary[] = [];

/** What the processes of this sample's fleet did, those that are gone and those that are not. */
export async function fleetProfiles(): Promise<readonly ProfileSummary[]> {
  await Promise.all([...running].map((process) => process.keepProfile()));
  return profiles;
}

/** One process that a sample has started, and that does what it is told. */
export class FleetProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(problem: Error): void }>();
  readonly #listeners = new Map<string, (count: number) => void>();
  #next = 0;
  #output = '';

  /** @param module A file that calls `serve`. It runs in the sample's own process group and ends with it. */
  constructor(module: URL, execArgv: readonly string[] = []) {
    this.#child = fork(fileURLToPath(module), [], {
      execArgv: ['--disable-warning=ExperimentalWarning', ...execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    running.add(this);
    const keep = (chunk: Buffer) => (this.#output = (this.#output + chunk.toString()).slice(-4_000));
    this.#child.stdout!.on('data', keep);
    this.#child.stderr!.on('data', keep);
    this.#child.on('message', (answer: FleetAnswer) => this.#answered(answer));
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => {
        running.delete(this);
        for (const call of this.#calls.values())
          call.reject(new Error(`the process is gone. ${this.#output}`));
        this.#calls.clear();
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Calls a method of the process. Rejects with what it threw, or when it ends first. */
  call<Result>(method: string, argument?: unknown): Promise<Result> {
    const id = this.#next++;
    return new Promise<Result>((resolve, reject) => {
      this.#calls.set(id, { resolve: (value) => resolve(value as Result), reject });
      const message: FleetCall = { id, method, argument };
      this.#child.send(message, (failure) => failure && reject(failure));
    });
  }

  /** Has a process that was started with `--expose-gc` collect its garbage. */
  collect(): Promise<void> {
    return this.call(COLLECT_METHOD);
  }

  /** Hears the counts that the process tells under a name. */
  onCount(event: string, listener: (count: number) => void): void {
    this.#listeners.set(event, listener);
  }

  /** Stops the process where it is, as a stalled machine would, until {@link resume}. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Asks a profiled process for its profile; one that does not answer has none. */
  async keepProfile(): Promise<void> {
    const late = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), PROFILE_PATIENCE_MS).unref();
    });
    const answer = this.call<ProfileSummary>(PROFILE_METHOD).catch(() => undefined);
    const profile = await Promise.race([answer, late]);
    if (profile) profiles.push(profile);
  }

  /** kill -9, and resolves when it is gone. The signal is sent before this returns, unless there is a profile to keep. */
  async kill(): Promise<void> {
    if (process.env[PROFILE_VARIABLE] !== undefined) await this.keepProfile();
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #answered(answer: FleetAnswer): void {
    if (answer.type === 'event') return this.#listeners.get(answer.event)?.(answer.value);
    const call = this.#calls.get(answer.id);
    this.#calls.delete(answer.id);
    if (answer.type === 'result') call?.resolve(answer.value);
    else call?.reject(new Error(answer.problem));
  }
}
