import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** How far the call comes at which the process "dies". */
export type CrashMode = 'before' | 'half' | 'after';

type AnyCall = (...args: unknown[]) => unknown;
type Name = keyof typeof fs;

const ASYNC: readonly Name[] = ['write', 'fdatasync', 'fsync', 'rm', 'open', 'close', 'rename'];
/** A process that dies takes nothing with it that it wrote: flushes only have to be there, and would cost time. */
const FLUSHES: readonly Name[] = ['fdatasync', 'fsync', 'fsyncSync'];
/** Turns after which nothing of a dead process is on its way any more. */
const SETTLE_TURNS = 5;
const SYNC: readonly Name[] = [
  'writeSync',
  'fsyncSync',
  'renameSync',
  'rmSync',
  'unlinkSync',
  'linkSync',
  'writeFileSync',
];

/** Thrown by calls of a process that is dead. */
export class Frozen extends Error {}

/**
 * Puts calls in the place of Node's that change the disk, so that a process can be as good as killed at any one of
 * them without being killed: from that call on nothing is done and nothing comes back.
 */
export class FrozenDisk {
  readonly #real = new Map<Name, AnyCall>();
  readonly #handles = new Set<number>();
  #left = Infinity;
  #mode: CrashMode = 'before';
  #underWay = 0;
  /** Called when the point is reached. */
  onCrash: () => void = () => {};

  constructor() {
    for (const name of ASYNC) this.#replace(name, (...args) => this.#later(name, args));
    for (const name of SYNC) this.#replace(name, (...args) => this.#now(name, args));
    this.#replace('openSync', (...args) => this.#opened(this.#real.get('openSync')!(...args) as number));
    syncBuiltinESMExports();
  }

  #replace(name: Name, call: AnyCall): void {
    this.#real.set(name, Reflect.get(fs, name) as AnyCall);
    Reflect.set(fs, name, call);
  }

  /** Dies at call number `point`, 1 the first. */
  arm(point: number, mode: CrashMode): void {
    this.#left = point;
    this.#mode = mode;
  }

  /** Alive again, as another process: calls work, and what the dead one had open is closed. */
  async thaw(): Promise<void> {
    for (let quiet = 0; quiet < SETTLE_TURNS; quiet = this.#underWay > 0 ? 0 : quiet + 1)
      await new Promise((resolve) => setImmediate(resolve));
    this.#left = Infinity;
    for (const handle of this.#handles) {
      try {
        fs.closeSync(handle);
      } catch {
        // It was closed before.
      }
    }
    this.#handles.clear();
  }

  /** Whether this call is done, done in part, or not at all. */
  #fate(): 'done' | 'last' | 'frozen' {
    if (this.#left <= 0) return 'frozen';
    if (--this.#left > 0) return 'done';
    this.onCrash();
    return this.#mode === 'before' ? 'frozen' : 'last';
  }

  #later(name: Name, args: unknown[]): void {
    const fate = this.#fate();
    if (fate === 'frozen') return;
    const done = args.pop() as AnyCall;
    if (fate === 'last' && this.#mode === 'half' && name === 'write') args[3] = (args[3] as number) >> 1;
    this.#underWay++;
    this.#do(name, args, (...outcome) => {
      this.#underWay--;
      if (name === 'close') this.#handles.delete(args[0] as number);
      if (name === 'open' && typeof outcome[1] === 'number') this.#opened(outcome[1]);
      if (this.#left > 0) done(...outcome);
    });
  }

  #do(name: Name, args: unknown[], done: AnyCall): void {
    if (FLUSHES.includes(name)) setImmediate(done, null);
    else this.#real.get(name)!(...args, done);
  }

  #now(name: Name, args: unknown[]): unknown {
    const fate = this.#fate();
    if (fate === 'frozen') throw new Frozen();
    const outcome = FLUSHES.includes(name) ? undefined : this.#real.get(name)!(...args);
    if (fate === 'last') throw new Frozen();
    return outcome;
  }

  #opened(handle: number): number {
    this.#handles.add(handle);
    return handle;
  }
}
