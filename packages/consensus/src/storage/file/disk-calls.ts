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
  mkdirSync(path: string, options: { readonly recursive: true }): void;
  linkSync(existing: string, path: string): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  rmSync(path: string, options: { readonly force: boolean }): void;
  /** Calls `action` in a later turn of the event loop. */
  nextTurn(action: () => void): void;
}

/** Node's own, as they are at this moment: a test may have put others in their place. */
export const nodeDisk = (): DiskCalls => ({ ...fs, nextTurn: (action) => void setImmediate(action) });
