import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { type DiskCalls, nodeDisk } from '../disk-calls.ts';

/** Where in a call the process ends: before it, when half of what it was to write is written, or right after it. */
export type KillMode = 'before' | 'half' | 'after';

type AnyCall = (...args: unknown[]) => unknown;
type Name = keyof DiskCalls | 'rmdirSync';

const WITH_CALLBACK: readonly Name[] = ['open', 'write', 'fdatasync', 'fsync', 'rm', 'rename'];
const AT_ONCE: readonly Name[] = [
  'openSync',
  'writeSync',
  'fsyncSync',
  'renameSync',
  'rmSync',
  'unlinkSync',
  'linkSync',
  'writeFileSync',
  'mkdirSync',
];
/** What a killed process had written stays in the page cache: flushes only have to be there, and would cost time. */
const FLUSHES: readonly Name[] = ['fdatasync', 'fsync', 'fsyncSync'];

/**
 * Counts what this process does that may be seen from outside: each call that changes the disk, and each message. At
 * the one that it is set to, the process kills itself, with a signal that nothing can catch.
 */
export class KillSwitch {
  readonly #point: number;
  readonly #mode: KillMode;
  /** The name of each call so far. */
  readonly passed: string[] = [];

  /** @param point 1 for the first call; 0 for none. */
  constructor(point = 0, mode: KillMode = 'before') {
    this.#point = point;
    this.#mode = mode;
  }

  /** A message is about to leave. */
  send(): void {
    if (this.#reaches('send')) die();
  }

  #reaches(name: string): boolean {
    this.passed.push(name);
    return this.passed.length === this.#point;
  }

  /** Node's calls, with the switch in those that change something. */
  disk(): DiskCalls {
    return this.#switched(nodeDisk());
  }

  /** The same calls, each of which may be the last. */
  #switched<Calls extends object>(real: Calls): Calls {
    const calls = { ...real };
    for (const name of WITH_CALLBACK)
      Reflect.set(calls, name, this.#later(name, Reflect.get(real, name) as AnyCall));
    for (const name of AT_ONCE) Reflect.set(calls, name, this.#now(name, Reflect.get(real, name) as AnyCall));
    return calls;
  }

  /**
   * Puts the switch into Node's own module, for code that calls it itself; returns the function that takes it out again.
   * Calls in there that are made of others count both.
   */
  intoNode(): () => void {
    const put = (calls: object): void => {
      Object.assign(fs, calls);
      syncBuiltinESMExports();
    };
    const names = [...WITH_CALLBACK, ...AT_ONCE];
    const real = Object.fromEntries([...names, 'rmdirSync'].map((name) => [name, Reflect.get(fs, name)]));
    const calls = this.#switched(fs);
    put({
      ...Object.fromEntries(names.map((name) => [name, Reflect.get(calls, name)])),
      rmdirSync: this.#now('rmdirSync', fs.rmdirSync as AnyCall),
    });
    return () => put(real);
  }

  #later(name: Name, real: AnyCall): AnyCall {
    return (...args) => {
      const done = args.pop() as AnyCall;
      if (isReading(name, args)) return real(...args, done);
      const isPoint = this.#reaches(name);
      if (isPoint && this.#mode === 'before') die();
      if (isPoint && this.#mode === 'half') halve(name, args);
      const finish = (...outcome: unknown[]): void => {
        if (isPoint) die();
        done(...outcome);
      };
      if (FLUSHES.includes(name)) setImmediate(finish, null);
      else real(...args, finish);
      return undefined;
    };
  }

  #now(name: Name, real: AnyCall): AnyCall {
    return (...args) => {
      if (isReading(name, args)) return real(...args);
      const isPoint = this.#reaches(name);
      if (isPoint && this.#mode === 'before') die();
      if (isPoint && this.#mode === 'half') halve(name, args);
      const outcome = FLUSHES.includes(name) ? undefined : real(...args);
      if (isPoint) die();
      return outcome;
    };
  }
}

const isReading = (name: Name, args: readonly unknown[]): boolean =>
  (name === 'open' || name === 'openSync') && args[1] !== 'w';

/** Only a write has a half. */
function halve(name: Name, args: unknown[]): void {
  if (name !== 'write' && name !== 'writeSync') return;
  if (typeof args[1] === 'string') args[1] = args[1].slice(0, args[1].length >> 1);
  else args[3] = (args[3] as number) >> 1;
}

/** No instruction of this process comes after. */
function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** Appends a line that outlives the process, past every switch. */
export const tell = (path: string, fact: unknown): void =>
  fs.appendFileSync(path, `${JSON.stringify(fact)}\n`);
