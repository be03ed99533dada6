import * as fs from 'node:fs';

type Failure = NodeJS.ErrnoException | null;

/**
 * The calls to the operating system that the store makes, by Node's names and with Node's meaning. All of them go
 * through here, so that the simulator runs this very store on disks of its own, and tests make single calls fail.
 */
export interface DiskCalls {
  open(path: string, flags: string, done: (failure: Failure, handle: number) => void): void;
  close(handle: number, done: (failure: Failure | undefined) => void): void;
  read(
    handle: number,
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (failure: Failure, bytesRead: number) => void,
  ): void;
  write(
    handle: number,
    from: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (failure: Failure, written: number) => void,
  ): void;
  rename(from: string, to: string, done: (failure: Failure) => void): void;
  fsync(handle: number, done: (failure: Failure) => void): void;
  fdatasync(handle: number, done: (failure: Failure) => void): void;
  rm(path: string, options: { readonly force: boolean }, done: (failure: Failure) => void): void;
  openSync(path: string, flags: string): number;
  closeSync(handle: number): void;
  readSync(handle: number, into: Uint8Array, offset: number, length: number, position: number): number;
  writeSync(handle: number, from: Uint8Array, offset: number, length: number, position: number): number;
  fsyncSync(handle: number): void;
  fstatSync(handle: number): { readonly size: number };
  statSync(path: string): { readonly size: number };
  existsSync(path: string): boolean;
  readdirSync(path: string): string[];
  readFileSync(path: string): Buffer;
  writeFileSync(path: string, text: string): void;
  /** @param mode Who may do what with it. Default what the system gives new folders. */
  mkdirSync(path: string, mode?: number): void;
  linkSync(existing: string, path: string): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  rmSync(path: string, options: { readonly force: boolean }): void;
  /** Calls `action` in a later turn of the event loop. */
  nextTurn(action: () => void): void;
}

/** The state of a group is in its files, and nobody else's to read. */
const PRIVATE = 0o600;

/**
 * Node's own, as they are at this moment: a test may have put others in their place. A file that is opened to be written
 * is made for its owner alone.
 */
export function nodeDisk(): DiskCalls {
  const { open, openSync } = fs;
  return {
    ...fs,
    open: (path, flags, done) => open(path, flags, PRIVATE, done),
    openSync: (path, flags) => openSync(path, flags, PRIVATE),
    nextTurn: (action) => void setImmediate(action),
  };
}

/** Reads as much of `into` as the file has from `position` on: the system may hand out less at once. */
export function readWhole(disk: DiskCalls, handle: number, into: Uint8Array, position: number): number {
  let read = 0;
  for (let more = -1; more !== 0 && read < into.length; read += more)
    more = disk.readSync(handle, into, read, into.length - read, position + read);
  return read;
}

/** {@link readWhole} with a callback. */
export function readFully(
  disk: Pick<DiskCalls, 'read'>,
  handle: number,
  into: Uint8Array,
  position: number,
  done: (failure: Error | null, bytesRead: number) => void,
  from = 0,
): void {
  disk.read(handle, into, from, into.length - from, position + from, (failure, more) => {
    const read = from + more;
    if (failure || more === 0 || read === into.length) return done(failure, read);
    readFully(disk, handle, into, position, done, read);
  });
}

/** Writes all of `bytes`: the system may take a part of them only. */
export function writeWhole(disk: DiskCalls, handle: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length; ) {
    const more = disk.writeSync(handle, bytes, written, bytes.length - written, position + written);
    if (more === 0) throw new Error('the disk took no bytes');
    written += more;
  }
}

/** Opens a file for as long as it is used. */
export function withFile<Result>(
  disk: DiskCalls,
  path: string,
  flags: string,
  use: (handle: number) => Result,
): Result {
  const handle = disk.openSync(path, flags);
  try {
    return use(handle);
  } finally {
    disk.closeSync(handle);
  }
}

/** Whether a call found no space, or none that this user may have. */
export const isFull = (failure: Error): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((failure as NodeJS.ErrnoException).code ?? '');

/** Whether a call found too little of something that comes back: space, or handles of files. */
export const isShort = (failure: Error): boolean =>
  isFull(failure) || ['EMFILE', 'ENFILE'].includes((failure as NodeJS.ErrnoException).code ?? '');
