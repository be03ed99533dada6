import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FleetAnswer, FleetCall } from './fleet-member.ts';

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
    const keep = (chunk: Buffer) => (this.#output = (this.#output + chunk.toString()).slice(-4_000));
    this.#child.stdout!.on('data', keep);
    this.#child.stderr!.on('data', keep);
    this.#child.on('message', (answer: FleetAnswer) => this.#answered(answer));
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => {
        for (const call of this.#calls.values())
          call.reject(new Error(`the process is gone. ${this.#output}`));
        this.#calls.clear();
        resolve();
      });
    });
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

  /** kill -9, and resolves when it is gone. */
  async kill(): Promise<void> {
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
