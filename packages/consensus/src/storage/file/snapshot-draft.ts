import { dirname } from 'node:path';
import { TuttiError } from '@tutti/kernel';
import type { SnapshotMeta } from '../../raft/messages.ts';
import { crc32c } from '../crc32c.ts';
import type { SnapshotWriter, StoredSnapshot, WriteCallback } from '../log-store.ts';
import { BlockChecksums } from './block-checksums.ts';
import { type DiskCalls, isFull } from './disk-calls.ts';
import type { FileOwner } from './file-owner.ts';
import { flushDirectory } from './meta-file.ts';
import { writeFully } from './segment.ts';
import { SnapshotFile } from './snapshot-file.ts';
import { endOf, headerOf } from './snapshot-format.ts';

/** What is written is flushed each time so much has come: one large flush at the end would hold up the log's. */
const FLUSH_BYTES = 8 * 2 ** 20;

type Done = (failure: Error | null | undefined) => void;

/**
 * Writes to a draft beside the directory's snapshot; only `commit` gives it a name that counts. Nothing of it makes the
 * loop wait for the disk.
 */
export class SnapshotDraft implements SnapshotWriter {
  readonly meta: SnapshotMeta;
  readonly #disk: DiskCalls;
  readonly #owner: FileOwner;
  readonly #path: string;
  readonly #draft: string;
  readonly #publish: (file: SnapshotFile) => StoredSnapshot;
  readonly #header: Buffer;
  readonly #blocks = new BlockChecksums();
  #handle: number | undefined;
  #size = 0;
  #checksum = 0;
  #unflushed = 0;
  #aborted = false;
  #busy = false;

  constructor(
    disk: DiskCalls,
    meta: SnapshotMeta,
    owner: FileOwner,
    path: string,
    publish: (file: SnapshotFile) => StoredSnapshot,
  ) {
    this.#disk = disk;
    this.meta = meta;
    this.#owner = owner;
    this.#path = path;
    this.#draft = `${path}.${(draftCount++).toString(36)}.tmp`;
    this.#publish = publish;
    this.#header = headerOf({ ...meta, owner });
  }

  get size(): number {
    return this.#size;
  }

  write(data: Uint8Array, done: WriteCallback): void {
    const offset = this.#header.length + this.#size;
    this.#size += data.length;
    this.#checksum = crc32c(data, this.#checksum);
    this.#blocks.add(data);
    this.#unflushed += data.length;
    const flushes = this.#unflushed >= FLUSH_BYTES;
    if (flushes) this.#unflushed = 0;
    this.#run((handle, end) => {
      const written: Done = (failure) =>
        failure || !flushes ? end(failure) : this.#disk.fdatasync(handle, end);
      writeFully(this.#disk, handle, data, offset, written);
    }, done);
  }

  commit(
    checksum: number | undefined,
    done: (failure: Error | undefined, stored?: StoredSnapshot) => void,
  ): void {
    const contentsFrom = this.#header.length;
    if (checksum !== undefined && checksum !== this.#checksum) {
      this.abort();
      const problem = 'the checksum of what arrived is another';
      const failure = new TuttiError('TUTTI_STORE_CORRUPT', {
        file: this.#path,
        offset: contentsFrom,
        problem,
      });
      this.#disk.nextTurn(() => done(failure));
      return;
    }
    const blocks = this.#blocks.finish();
    const said = { meta: this.meta, owner: this.#owner };
    const image = { ...said, contentsFrom, totalBytes: this.#size, checksum: this.#checksum, blocks };
    const ending = endOf(this.#header, blocks, this.#size, this.#checksum);
    this.#run(
      (handle, end) =>
        writeFully(this.#disk, handle, this.#header, 0, (failure) => {
          if (failure) return end(failure);
          writeFully(this.#disk, handle, ending, contentsFrom + this.#size, (problem) =>
            problem ? end(problem) : this.#disk.fsync(handle, end),
          );
        }),
      (failure) => {
        if (failure) return done(failure);
        this.#name((problem, handle) => {
          if (problem) return done(this.#coded(problem));
          done(undefined, this.#publish(new SnapshotFile(this.#disk, this.#path, handle!, image)));
        });
      },
    );
  }

  /** The name counts once the directory is flushed; that the file is open for reading comes before it. */
  #name(done: (failure: Error | undefined, handle?: number) => void): void {
    const disk = this.#disk;
    const aborted = new TuttiError('TUTTI_ABORTED', { what: 'Writing a snapshot' });
    if (this.#aborted) return done(aborted);
    const draft = this.#handle!;
    this.#handle = undefined;
    disk.open(this.#draft, 'r', (failure, handle) => {
      const fail = (problem: Error): void => {
        disk.close(handle, () => done(problem));
      };
      const drop = (goOn: () => void): void => disk.rm(this.#draft, { force: true }, goOn);
      disk.close(draft, () => {
        if (failure) return drop(() => done(failure));
        if (this.#aborted) return drop(() => fail(aborted));
        disk.rename(this.#draft, this.#path, (problem) => {
          if (problem) return drop(() => fail(problem));
          flushDirectory(disk, dirname(this.#path), (unflushed) =>
            unflushed ? fail(unflushed) : done(undefined, handle),
          );
        });
      });
    });
  }

  abort(): void {
    this.#aborted = true;
    if (!this.#busy) this.#remove(() => {});
  }

  /** One step at a time; an abort meanwhile takes effect when the step has ended. */
  #run(step: (handle: number, end: Done) => void, done: WriteCallback): void {
    const end: Done = (failure) => {
      this.#busy = false;
      // A draft that could not be written is of no use, and on a full disk in the way of the next.
      if (failure) this.#aborted = true;
      if (this.#aborted) this.#remove(() => done(failure ? this.#coded(failure) : undefined));
      else done(undefined);
    };
    this.#busy = true;
    if (this.#handle !== undefined) return step(this.#handle, end);
    this.#disk.open(this.#draft, 'w', (failure, handle) => {
      if (failure) return end(failure);
      this.#handle = handle;
      step(handle, end);
    });
  }

  /** Want of space is nothing that ails the store. */
  #coded(cause: Error): Error {
    if (!isFull(cause)) return cause;
    return new TuttiError('TUTTI_STORE_FULL', { directory: dirname(this.#path) }, { cause });
  }

  #remove(done: () => void): void {
    const disk = this.#disk;
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle === undefined) return done();
    disk.close(handle, () => disk.rm(this.#draft, { force: true }, () => done()));
  }
}

/** Two writers of one snapshot must not share a draft. */
let draftCount = 0;
