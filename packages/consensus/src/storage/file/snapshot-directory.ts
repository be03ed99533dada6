import { join } from 'node:path';
import { TuttiError } from '@tutti/kernel';
import type { SnapshotMeta } from '../../raft/messages.ts';
import { crc32c } from '../crc32c.ts';
import type { SnapshotWriter, StoredSnapshot, WriteCallback } from '../log-store.ts';
import type { DiskCalls } from './disk-calls.ts';
import { syncDirectory } from './meta-file.ts';
import { writeFully } from './segment.ts';

/**
 * A snapshot file: "TUTTISNP", format version u32, length of the meta data u32, the meta data as JSON, the contents,
 * and at the end the contents' length f64, their CRC-32C u32, and the CRC-32C of all that stands around them u32.
 */
const MAGIC = Buffer.from('TUTTISNP', 'latin1');
const VERSION = 1;
const HEADER_BYTES = 16;
const TRAILER_BYTES = 16;
const READ_BYTES = 1024 * 1024;
const NAME = /^snapshot-(\d{16})\.snap$/;

const nameOf = (meta: SnapshotMeta): string => `snapshot-${String(meta.index).padStart(16, '0')}.snap`;

function headerOf(meta: SnapshotMeta): Buffer {
  const json = Buffer.from(JSON.stringify(meta));
  const header = Buffer.alloc(HEADER_BYTES + json.length);
  MAGIC.copy(header);
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(json.length, 12);
  json.copy(header, HEADER_BYTES);
  return header;
}

function trailerOf(header: Buffer, totalBytes: number, checksum: number): Buffer {
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeDoubleLE(totalBytes, 0);
  trailer.writeUInt32LE(checksum, 8);
  trailer.writeUInt32LE(crc32c(trailer.subarray(0, 12), crc32c(header)), 12);
  return trailer;
}

/** A snapshot file that is open for reading; it stays readable until its last read has ended, even when replaced. */
class SnapshotFile implements StoredSnapshot {
  readonly #disk: DiskCalls;
  readonly path: string;
  readonly meta: SnapshotMeta;
  readonly totalBytes: number;
  readonly checksum: number;
  readonly #contentsFrom: number;
  readonly #handle: number;
  #reading = 0;
  #retired = false;

  constructor(
    disk: DiskCalls,
    path: string,
    meta: SnapshotMeta,
    contentsFrom: number,
    totalBytes: number,
    checksum: number,
  ) {
    this.#disk = disk;
    this.path = path;
    this.meta = meta;
    this.totalBytes = totalBytes;
    this.checksum = checksum;
    this.#contentsFrom = contentsFrom;
    this.#handle = this.#disk.openSync(path, 'r');
  }

  read(offset: number, length: number, done: (failure: Error | undefined, data: Uint8Array) => void): void {
    const data = new Uint8Array(length);
    if (this.#retired) {
      const failure = new TuttiError('TUTTI_CLOSED', { what: `The snapshot ${this.path}` });
      this.#disk.nextTurn(() => done(failure, data));
      return;
    }
    this.#reading++;
    this.#disk.read(this.#handle, data, 0, length, this.#contentsFrom + offset, (failure, bytesRead) => {
      this.#reading--;
      this.#closeIfUnused();
      done(failure ?? undefined, data.subarray(0, bytesRead));
    });
  }

  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (this.#retired && this.#reading === 0) this.#disk.closeSync(this.#handle);
  }
}

/** The snapshot of a directory: at most one, and what is being written beside it. */
export class SnapshotDirectory {
  readonly #disk: DiskCalls;
  readonly #directory: string;
  #current: SnapshotFile | undefined;

  constructor(disk: DiskCalls, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  get current(): StoredSnapshot | undefined {
    return this.#current;
  }

  /** Takes the newest one, checked in full. @throws TuttiError `TUTTI_STORE_CORRUPT`, `TUTTI_STORE_NEWER_VERSION` */
  open(): void {
    const names = this.#disk.readdirSync(this.#directory).filter((name) => NAME.test(name));
    const newest = names.sort().at(-1);
    if (newest === undefined) return;
    this.#current = verified(this.#disk, join(this.#directory, newest));
    this.#forgetOthers();
  }

  begin(meta: SnapshotMeta): SnapshotWriter {
    const path = join(this.#directory, nameOf(meta));
    return new SnapshotFileWriter(this.#disk, meta, path, (file) => this.#publish(file));
  }

  close(): void {
    this.#current?.retire();
    this.#current = undefined;
  }

  #publish(file: SnapshotFile): StoredSnapshot {
    const before = this.#current;
    if (before && before.meta.index > file.meta.index) {
      file.retire();
      this.#disk.rmSync(file.path, { force: true });
      return before;
    }
    this.#current = file;
    before?.retire();
    // If a crash comes before it is gone, opening removes it.
    if (before && before.path !== file.path) this.#disk.rm(before.path, { force: true }, () => {});
    return file;
  }

  #forgetOthers(): void {
    for (const name of this.#disk.readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (NAME.test(name) && path !== this.#current?.path) this.#disk.rmSync(path, { force: true });
    }
  }
}

function verified(disk: DiskCalls, path: string): SnapshotFile {
  const handle = disk.openSync(path, 'r');
  const damaged = (offset: number, problem: string): never => {
    throw new TuttiError('TUTTI_STORE_CORRUPT', { file: path, offset, problem });
  };
  const readAt = (offset: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    if (disk.readSync(handle, bytes, 0, length, offset) !== length) damaged(offset, 'it is cut off');
    return bytes;
  };
  try {
    const size = disk.fstatSync(handle).size;
    const start = readAt(0, HEADER_BYTES);
    if (!start.subarray(0, 8).equals(MAGIC)) damaged(0, 'it is no snapshot');
    const found = start.readUInt32LE(8);
    if (found > VERSION)
      throw new TuttiError('TUTTI_STORE_NEWER_VERSION', { file: path, found, supported: VERSION });
    const contentsFrom = HEADER_BYTES + start.readUInt32LE(12);
    if (contentsFrom + TRAILER_BYTES > size) damaged(12, 'it is cut off');
    const header = readAt(0, contentsFrom);
    const trailer = readAt(size - TRAILER_BYTES, TRAILER_BYTES);
    const totalBytes = size - contentsFrom - TRAILER_BYTES;
    const checksum = trailer.readUInt32LE(8);
    if (!trailerOf(header, totalBytes, checksum).equals(trailer)) damaged(size, 'header and end do not fit');
    let actual = 0;
    for (let offset = 0; offset < totalBytes; offset += READ_BYTES)
      actual = crc32c(readAt(contentsFrom + offset, Math.min(READ_BYTES, totalBytes - offset)), actual);
    if (actual !== checksum) damaged(contentsFrom, 'the checksum of its contents is another');
    const meta = JSON.parse(header.toString('utf8', HEADER_BYTES)) as SnapshotMeta;
    return new SnapshotFile(disk, path, meta, contentsFrom, totalBytes, checksum);
  } finally {
    disk.closeSync(handle);
  }
}

/** Writes to a draft beside the directory's snapshot; only `commit` gives it a name that counts. */
class SnapshotFileWriter implements SnapshotWriter {
  readonly meta: SnapshotMeta;
  readonly #disk: DiskCalls;
  readonly #path: string;
  readonly #draft: string;
  readonly #publish: (file: SnapshotFile) => StoredSnapshot;
  readonly #header: Buffer;
  #handle: number | undefined;
  #size = 0;
  #checksum = 0;
  #aborted = false;
  #busy = false;

  constructor(
    disk: DiskCalls,
    meta: SnapshotMeta,
    path: string,
    publish: (file: SnapshotFile) => StoredSnapshot,
  ) {
    this.#disk = disk;
    this.meta = meta;
    this.#path = path;
    this.#draft = `${path}.${(draftCount++).toString(36)}.tmp`;
    this.#publish = publish;
    this.#header = headerOf(meta);
  }

  get size(): number {
    return this.#size;
  }

  write(data: Uint8Array, done: WriteCallback): void {
    const offset = this.#header.length + this.#size;
    this.#size += data.length;
    this.#checksum = crc32c(data, this.#checksum);
    this.#run((handle, end) => writeFully(this.#disk, handle, data, offset, end), done);
  }

  commit(
    checksum: number | undefined,
    done: (failure: Error | undefined, stored?: StoredSnapshot) => void,
  ): void {
    if (checksum !== undefined && checksum !== this.#checksum) {
      const offset = this.#header.length;
      this.abort();
      const problem = 'the checksum of what arrived is another';
      const failure = new TuttiError('TUTTI_STORE_CORRUPT', { file: this.#path, offset, problem });
      this.#disk.nextTurn(() => done(failure));
      return;
    }
    const trailer = trailerOf(this.#header, this.#size, this.#checksum);
    this.#run(
      (handle, end) =>
        writeFully(this.#disk, handle, this.#header, 0, (failure) => {
          if (failure) return end(failure);
          writeFully(this.#disk, handle, trailer, this.#header.length + this.#size, (problem) =>
            problem ? end(problem) : this.#disk.fsync(handle, end),
          );
        }),
      (failure) => (failure ? done(failure) : this.#name(done)),
    );
  }

  #name(done: (failure: Error | undefined, stored?: StoredSnapshot) => void): void {
    if (this.#aborted) return done(new TuttiError('TUTTI_ABORTED', { what: 'Writing a snapshot' }));
    let stored: StoredSnapshot;
    try {
      this.#disk.closeSync(this.#handle!);
      this.#handle = undefined;
      this.#disk.renameSync(this.#draft, this.#path);
      syncDirectory(this.#disk, join(this.#path, '..'));
      const { meta, size } = this;
      stored = this.#publish(
        new SnapshotFile(this.#disk, this.#path, meta, this.#header.length, size, this.#checksum),
      );
    } catch (thrown) {
      return done(thrown as Error);
    }
    done(undefined, stored);
  }

  abort(): void {
    this.#aborted = true;
    if (!this.#busy) this.#remove();
  }

  /** One step at a time; an abort meanwhile takes effect when the step has ended. */
  #run(
    step: (handle: number, end: (failure: Error | null | undefined) => void) => void,
    done: WriteCallback,
  ): void {
    try {
      this.#handle ??= this.#disk.openSync(this.#draft, 'w');
    } catch (thrown) {
      this.#disk.nextTurn(() => done(thrown as Error));
      return;
    }
    this.#busy = true;
    step(this.#handle, (failure) => {
      this.#busy = false;
      // A draft that could not be written is of no use, and on a full disk in the way of the next.
      if (failure) this.#aborted = true;
      if (this.#aborted) this.#remove();
      done(failure ?? undefined);
    });
  }

  #remove(): void {
    if (this.#handle === undefined) return;
    this.#disk.closeSync(this.#handle);
    this.#handle = undefined;
    this.#disk.rmSync(this.#draft, { force: true });
  }
}

/** Two writers of one snapshot must not share a draft. */
let draftCount = 0;
