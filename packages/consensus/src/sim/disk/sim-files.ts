import type { Random } from '@tutti/kernel';
import type { DiskCalls } from '../../storage/file/disk-calls.ts';
import type { NodeClock } from '../node-clock.ts';
import type { DriveAilment } from './drive-ailment.ts';
import { type Ending, ROOT, type SimDrive, SimFile } from './sim-drive.ts';

/** What the calls of one process are made with. */
export interface SimFilesParts {
  readonly clock: NodeClock;
  /** True time: the disk goes on while its node is paused. */
  readonly world: { setTimer(delayMs: number, action: () => void): object };
  readonly drive: SimDrive;
  readonly ailment: DriveAilment;
  readonly random: Random;
  /** Mean time that a flush takes; reading and writing go to memory and take a tenth of it. */
  readonly latencyMeanMs: number;
}

/** A call that the drive has begun; `crash` decides what is left of it. */
interface Call {
  readonly crash: () => void;
}

/** What a handle is of. */
type Opened = SimFile | 'directory' | 'root';

const LOCK = /(^|\/)lock(\.|$)/;

/** The longest that one call takes. */
const LATENCY_MAX_MS = 1_000;

function failure(code: string, call: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${call} on a simulated disk`), { code, syscall: call });
}

/**
 * One process's view of a drive: Node's file calls, on virtual time. Calls with a callback take their time and come
 * back in the order they were made; those without are done at once. When the process ends, chance decides what the
 * calls under way have done.
 */
export class SimFiles implements DiskCalls {
  readonly #parts: SimFilesParts;
  readonly #handles = new Map<number, Opened>();
  readonly #underWay = new Set<Call>();
  #nextHandle = 3;
  #freeAt = 0;
  #ended = false;

  constructor(parts: SimFilesParts) {
    this.#parts = parts;
  }

  /** The calls apart from their object, as a store takes them. */
  calls(): DiskCalls {
    const names = Object.getOwnPropertyNames(SimFiles.prototype).filter((name) => name !== 'constructor');
    const calls: object = Object.fromEntries(
      names.map((name) => [name, (Reflect.get(this, name) as (...args: unknown[]) => unknown).bind(this)]),
    );
    return calls as DiskCalls;
  }

  /** The process ends; what it held is free, and its callbacks are never called. */
  end(ending: Ending): void {
    const { drive, random, ailment } = this.#parts;
    this.#ended = true;
    for (const call of this.#underWay) call.crash();
    this.#underWay.clear();
    drive.end(ending, random, ailment.struck);
    // Its lock names a process that is dead, which the real file system would know.
    for (const path of drive.paths()) if (LOCK.test(path)) drive.rename((names) => names.delete(path));
    if (ending === 'power') drive.flushNames();
  }

  // Calls that take their time

  open(
    path: string,
    flags: string,
    done: (failure: NodeJS.ErrnoException | null, handle: number) => void,
  ): void {
    this.#perform('open', () => {
      let handle: number;
      try {
        handle = this.openSync(path, flags);
      } catch (thrown) {
        return done(thrown as NodeJS.ErrnoException, -1);
      }
      done(null, handle);
    });
  }

  close(handle: number, done: (failure: NodeJS.ErrnoException | undefined) => void): void {
    this.#handles.delete(handle);
    this.nextTurn(() => done(undefined));
  }

  read(
    handle: number,
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (failure: NodeJS.ErrnoException | null, bytesRead: number) => void,
  ): void {
    const file = this.#fileOf(handle);
    this.#perform('read', () => {
      const wanted = this.#parts.ailment.lengthOf(length);
      done(null, file.read(into.subarray(offset, offset + wanted), position));
    });
  }

  write(
    handle: number,
    from: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (failure: NodeJS.ErrnoException | null, written: number) => void,
  ): void {
    const { ailment, random } = this.#parts;
    const file = this.#fileOf(handle);
    const data = from.slice(offset, offset + ailment.lengthOf(length));
    const refusal = ailment.refusalOf('write', position + data.length > file.size);
    this.#perform(
      'write',
      () => {
        // A write that is refused may have been done in part.
        if (refusal) file.write(data.subarray(0, random.integer(0, data.length)), position);
        else file.write(data, position);
        done(refusal ? failure(refusal, 'write') : null, refusal ? 0 : data.length);
      },
      () => file.write(data.subarray(0, random.integer(0, data.length)), position),
    );
  }

  fsync(handle: number, done: (failure: NodeJS.ErrnoException | null) => void): void {
    const target = this.#handles.get(handle);
    const refusal = this.#parts.ailment.refusalOf('fsync');
    this.#perform('fsync', () => {
      if (target instanceof SimFile) {
        if (refusal) target.failFlush();
        else target.flush();
      } else if (target && !refusal) this.#parts.drive.flushNames();
      done(refusal ? failure(refusal, 'fsync') : null);
    });
  }

  rename(from: string, to: string, done: (failure: NodeJS.ErrnoException | null) => void): void {
    this.#perform('rename', () => {
      this.renameSync(from, to);
      done(null);
    });
  }

  fdatasync(handle: number, done: (failure: NodeJS.ErrnoException | null) => void): void {
    this.fsync(handle, done);
  }

  rm(
    path: string,
    options: { readonly force: boolean },
    done: (failure: NodeJS.ErrnoException | null) => void,
  ): void {
    this.#perform('rm', () => {
      this.rmSync(path, options);
      done(null);
    });
  }

  nextTurn(action: () => void): void {
    this.#parts.clock.nextTurn(action);
  }

  #perform(what: string, complete: () => void, crash: () => void = () => {}): void {
    const { clock, world, random, latencyMeanMs, ailment } = this.#parts;
    const call: Call = { crash };
    this.#underWay.add(call);
    const share = what === 'fsync' ? 1 : 0.1;
    const drawnMs = random.exponential(latencyMeanMs) * share * ailment.slowness;
    const waitMs = Math.max(0, this.#freeAt - clock.now()) + Math.min(drawnMs, LATENCY_MAX_MS);
    this.#freeAt = clock.now() + waitMs;
    world.setTimer(waitMs, () =>
      ailment.whenAwake(() => {
        if (this.#ended) return;
        this.#underWay.delete(call);
        // In the node's own time: if it is paused, the call has been made and its outcome is not known yet.
        clock.run(complete);
      }),
    );
  }

  #fileOf(handle: number): SimFile {
    const file = this.#handles.get(handle);
    if (!(file instanceof SimFile)) throw failure('EBADF', 'a call');
    return file;
  }

  // Calls that are done at once

  #find(path: string): Opened | undefined {
    if (path === ROOT) return 'root';
    return this.#parts.drive.hasFolder(path) ? 'directory' : this.#parts.drive.file(path);
  }

  openSync(path: string, flags: string): number {
    const { drive } = this.#parts;
    let target = this.#find(path);
    if (flags === 'w') {
      if (target instanceof SimFile) target.truncate();
      else {
        const made = new SimFile();
        drive.rename((names) => names.set(path, made));
        target = made;
      }
    }
    if (!target) throw failure('ENOENT', 'open');
    this.#handles.set(this.#nextHandle, target);
    return this.#nextHandle++;
  }

  closeSync(handle: number): void {
    this.#handles.delete(handle);
  }

  readSync(handle: number, into: Uint8Array, offset: number, length: number, position: number): number {
    const wanted = this.#parts.ailment.lengthOf(length);
    return this.#fileOf(handle).read(into.subarray(offset, offset + wanted), position);
  }

  writeSync(handle: number, from: Uint8Array, offset: number, length: number, position: number): number {
    const file = this.#fileOf(handle);
    const refusal = this.#parts.ailment.refusalOf('write', position + length > file.size);
    if (refusal) throw failure(refusal, 'write');
    const data = from.slice(offset, offset + this.#parts.ailment.lengthOf(length));
    file.write(data, position);
    return data.length;
  }

  fsyncSync(handle: number): void {
    const target = this.#handles.get(handle);
    // It holds folders alone, and those are there for good.
    if (target === 'root') return;
    const refusal = this.#parts.ailment.refusalOf('fsync');
    if (target === 'directory') {
      if (refusal) throw failure(refusal, 'fsync');
      return this.#parts.drive.flushNames();
    }
    const file = this.#fileOf(handle);
    if (!refusal) return file.flush();
    file.failFlush();
    throw failure(refusal, 'fsync');
  }

  fstatSync(handle: number): { readonly size: number } {
    return { size: this.#fileOf(handle).size };
  }

  statSync(path: string): { readonly size: number } {
    const file = this.#parts.drive.file(path);
    if (!file) throw failure('ENOENT', 'stat');
    return { size: file.size };
  }

  existsSync(path: string): boolean {
    return this.#parts.drive.hasFolder(path) || this.#parts.drive.file(path) !== undefined;
  }

  readdirSync(path: string): string[] {
    const below = this.#parts.drive.paths().filter((name) => name.startsWith(`${path}/`));
    return below.map((name) => name.slice(path.length + 1)).filter((name) => !name.includes('/'));
  }

  readFileSync(path: string): Buffer {
    const file = this.#parts.drive.file(path);
    if (!file) throw failure('ENOENT', 'open');
    return Buffer.from(file.contents().buffer);
  }

  writeFileSync(path: string, text: string): void {
    const handle = this.openSync(path, 'w');
    const refusal = this.#parts.ailment.refusalOfText(text);
    if (!refusal) this.#fileOf(handle).write(Buffer.from(text), 0);
    this.closeSync(handle);
    if (refusal) throw failure(refusal, 'write');
  }

  mkdirSync(path: string): void {
    this.#parts.drive.makeFolder(path);
  }

  linkSync(existing: string, path: string): void {
    const file = this.#parts.drive.file(existing);
    if (!file) throw failure('ENOENT', 'link');
    if (this.existsSync(path)) throw failure('EEXIST', 'link');
    this.#parts.drive.rename((names) => names.set(path, file));
  }

  renameSync(from: string, to: string): void {
    const file = this.#parts.drive.file(from);
    if (!file) throw failure('ENOENT', 'rename');
    this.#parts.drive.rename((names) => {
      names.delete(from);
      names.set(to, file);
    });
  }

  unlinkSync(path: string): void {
    if (!this.existsSync(path)) throw failure('ENOENT', 'unlink');
    this.#parts.drive.rename((names) => names.delete(path));
  }

  rmSync(path: string, { force }: { readonly force: boolean }): void {
    if (this.existsSync(path)) this.unlinkSync(path);
    else if (!force) throw failure('ENOENT', 'rm');
  }
}
