import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker, WorkInput } from '@tutti/actors';
import { assert, messageOf, TuttiError } from '@tutti/kernel';
import { OutputTail } from './output-tail.ts';

export interface ShellWorkerOptions {
  /**
   * A folder that holds an empty file named after the process group of each command that runs: for whoever has to end
   * them after this process was killed and could not. By default none is kept.
   */
  readonly notes?: string;
  /** How much of the end of stdout and of stderr is kept, in characters; default 65,536 each. */
  readonly outputCharsMax?: number;
  /** From the polite signal to the one that cannot be refused, in milliseconds; default 2,000. */
  readonly killAfterMs?: number;
}

/** How much of the end of the output goes into an error and so into the log, in characters. */
const ERROR_TAIL_CHARS = 2_000;

/**
 * Runs a task's command line in a shell, in the session's folder, as a process group of its own, so that an abort
 * ends everything that the command has started, except what has left that group (`setsid`). The command learns what it is part of from `TUTTI_SESSION`,
 * `TUTTI_TASK`, `TUTTI_ATTEMPT`, `TUTTI_FENCE`, `TUTTI_FOLDER`, and, as JSON, `TUTTI_WITH` and `TUTTI_NEEDS`. When its
 * last line is a JSON object, that is the result; otherwise the result is `{}`.
 */
export function shellWorker(options: ShellWorkerOptions = {}): Worker {
  return {
    type: 'shell',
    check: () => undefined,
    run(work, input) {
      assert(work.type === 'shell', 'the shell worker is given shell work');
      return new ShellRun(work.command, input, options).ended;
    },
  };
}

class ShellRun {
  readonly ended: Promise<unknown>;
  readonly #input: WorkInput;
  readonly #killAfterMs: number;
  readonly #note: string | undefined;
  readonly #child: ChildProcess;
  readonly #stdout: OutputTail;
  readonly #stderr: OutputTail;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(command: string, input: WorkInput, options: ShellWorkerOptions) {
    const { notes, outputCharsMax = 65_536, killAfterMs = 2_000 } = options;
    this.#input = input;
    this.#killAfterMs = killAfterMs;
    this.#stdout = new OutputTail(outputCharsMax);
    this.#stderr = new OutputTail(outputCharsMax);
    this.#child = spawn(command, {
      shell: true,
      detached: true, // makes it the leader of a process group
      cwd: input.folder || undefined,
      env: { ...process.env, ...environmentOf(input) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#note = this.#writeNote(notes);
    this.#child.stdout?.on('data', (bytes: Buffer) => this.#stdout.add(bytes));
    this.#child.stderr?.on('data', (bytes: Buffer) => this.#stderr.add(bytes));
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', (error) => this.#end(() => reject(this.#failure(messageOf(error)))));
      // What the command has left behind in its group would keep its pipes open, and so the task running.
      this.#child.once('exit', () => this.#signalGroup('SIGKILL'));
      this.#child.once('close', (code, signal) =>
        this.#end(() => this.#conclude(code, signal, resolve, reject)),
      );
    });
    if (input.signal.aborted) this.#abort();
    else input.signal.addEventListener('abort', this.#abort, { once: true });
  }

  readonly #abort = (): void => {
    this.#signalGroup('SIGTERM');
    this.#killTimer = setTimeout(() => this.#signalGroup('SIGKILL'), this.#killAfterMs);
  };

  #conclude(
    code: number | null,
    signal: NodeJS.Signals | null,
    resolve: (output: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    if (this.#input.signal.aborted) reject(this.#input.signal.reason);
    else if (code === 0) resolve(objectIn(this.#stdout.lastLine));
    else reject(this.#failure(signal ? `signal ${signal}` : `exit code ${code}`));
  }

  #end(conclude: () => void): void {
    clearTimeout(this.#killTimer);
    this.#input.signal.removeEventListener('abort', this.#abort);
    if (this.#note !== undefined) rmSync(this.#note, { force: true });
    conclude();
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // Nobody is left in the group.
    }
  }

  #failure(ending: string): TuttiError {
    const tail = (this.#stderr.text.trim() || this.#stdout.text.trim()).slice(-ERROR_TAIL_CHARS);
    return new TuttiError('TUTTI_SHELL_FAILED', {
      task: this.#input.task,
      ending,
      tail: tail || 'it printed nothing',
    });
  }

  #writeNote(notes: string | undefined): string | undefined {
    if (notes === undefined || this.#child.pid === undefined) return undefined;
    const note = join(notes, String(this.#child.pid));
    mkdirSync(notes, { recursive: true });
    writeFileSync(note, '');
    return note;
  }
}

/** Larger than this, a value does not fit into the environment of every system, and is left out. */
const ENVIRONMENT_CHARS_MAX = 100_000;

function environmentOf(input: WorkInput): Record<string, string> {
  const environment: Record<string, string> = {
    TUTTI_SESSION: input.session,
    TUTTI_TASK: input.task,
    TUTTI_ATTEMPT: String(input.attempt),
    TUTTI_FENCE: String(input.fence),
    TUTTI_FOLDER: input.folder,
  };
  const offer = (name: string, value: unknown) => {
    const text = JSON.stringify(value);
    if (text.length <= ENVIRONMENT_CHARS_MAX) environment[name] = text;
  };
  offer('TUTTI_WITH', input.with);
  offer('TUTTI_NEEDS', input.needs);
  return environment;
}

/** The object that a line of JSON is, or an empty one. */
function objectIn(line: string | undefined): unknown {
  if (!line?.startsWith('{')) return {};
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
