import { isTuttiError, TuttiError } from '@tutti/kernel';
import type { SnapshotMeta } from '../../raft/messages.ts';
import type { StoredSnapshot } from '../log-store.ts';
import { type DiskCalls, readFully, withFile } from './disk-calls.ts';
import { type FileOwner, refuseForeign } from './file-owner.ts';
import {
  checkContents,
  damagedBlock,
  endOf,
  headerOf,
  readFrame,
  SNAPSHOT_BLOCK_BYTES,
  type SnapshotHead,
  type SnapshotImage,
} from './snapshot-format.ts';

const NOTHING = new Uint8Array(0);

/** A snapshot file that is open for reading; it stays readable as long as it is held, even when it is replaced. */
export class SnapshotFile implements StoredSnapshot {
  readonly path: string;
  readonly #disk: DiskCalls;
  readonly #image: SnapshotImage;
  readonly #handle: number;
  /** Reads under way, and holds. */
  #users = 0;
  #retired = false;

  constructor(disk: DiskCalls, path: string, handle: number, image: SnapshotImage) {
    this.#disk = disk;
    this.path = path;
    this.#handle = handle;
    this.#image = image;
  }

  /**
   * Opens a file that is there and checks it in full.
   * @throws TuttiError `TUTTI_STORE_CORRUPT`, `TUTTI_STORE_NEWER_VERSION`, `TUTTI_STORE_FOREIGN_FILE`
   */
  static open(disk: DiskCalls, path: string, owner: FileOwner): SnapshotFile {
    const handle = disk.openSync(path, 'r');
    try {
      const { head, ...image } = readFrame(disk, path, handle);
      const { owner: said, ...meta } = head as SnapshotHead;
      refuseForeign(path, said, owner);
      checkContents(disk, path, handle, image);
      return new SnapshotFile(disk, path, handle, { ...image, meta, owner: said });
    } catch (thrown) {
      disk.closeSync(handle);
      throw thrown;
    }
  }

  /**
   * Only whose a file is; one that is damaged there says nothing.
   * @throws TuttiError `TUTTI_STORE_FOREIGN_FILE`, `TUTTI_STORE_NEWER_VERSION`
   */
  static checkOwner(disk: DiskCalls, path: string, owner: FileOwner): void {
    try {
      const { head } = withFile(disk, path, 'r', (handle) => readFrame(disk, path, handle));
      refuseForeign(path, (head as SnapshotHead).owner, owner);
    } catch (thrown) {
      if (!isTuttiError(thrown, 'TUTTI_STORE_CORRUPT')) throw thrown;
    }
  }

  get meta(): SnapshotMeta {
    return this.#image.meta;
  }

  get totalBytes(): number {
    return this.#image.totalBytes;
  }

  get checksum(): number {
    return this.#image.checksum;
  }

  read(offset: number, length: number, done: (failure: Error | undefined, data: Uint8Array) => void): void {
    if (this.#retired && this.#users === 0) {
      const failure = new TuttiError('TUTTI_CLOSED', { what: `The snapshot ${this.path}` });
      this.#disk.nextTurn(() => done(failure, NOTHING));
      return;
    }
    // Whole blocks are read, since only those can be checked.
    const from = offset - (offset % SNAPSHOT_BLOCK_BYTES);
    const end = Math.min(offset + length, this.totalBytes);
    const to = Math.min(this.totalBytes, Math.ceil(end / SNAPSHOT_BLOCK_BYTES) * SNAPSHOT_BLOCK_BYTES);
    const bytes = new Uint8Array(Math.max(0, to - from));
    const position = this.#image.contentsFrom + from;
    this.#users++;
    readFully(this.#disk, this.#handle, bytes, position, (problem, bytesRead) => {
      const failure = problem ?? this.#damageIn(bytes, bytesRead, from);
      this.#leave();
      if (failure) done(failure, NOTHING);
      else done(undefined, bytes.subarray(offset - from, end - from));
    });
  }

  /**
   * Reads about `bytesMax` bytes of the file again, from `from` of its contents on, and checks them; after the contents
   * what stands around them. Calls back with where to go on, and nothing at the end.
   */
  scrub(
    from: number,
    bytesMax: number,
    done: (failure: Error | undefined, next: number | undefined, bytes: number) => void,
  ): void {
    if (from >= this.totalBytes) return this.#scrubFrame(done);
    const blocks = Math.max(1, Math.floor(bytesMax / SNAPSHOT_BLOCK_BYTES));
    this.read(from, blocks * SNAPSHOT_BLOCK_BYTES, (failure, data) =>
      done(failure, failure ? undefined : from + data.length, data.length),
    );
  }

  #scrubFrame(done: (failure: Error | undefined, next: number | undefined, bytes: number) => void): void {
    const { meta, owner, contentsFrom, totalBytes, checksum, blocks } = this.#image;
    const header = headerOf({ ...meta, owner });
    const frame = Buffer.concat([header, endOf(header, blocks, totalBytes, checksum)]);
    const found = Buffer.alloc(frame.length);
    const finish = (problem: Error | null, bytesRead: number): void => {
      this.#leave();
      const isWhole = problem !== null || (bytesRead > 0 && found.equals(frame));
      const failure = isWhole ? problem : this.#corrupt(0, 'header and end are not what was written');
      done(failure ?? undefined, undefined, found.length);
    };
    this.#users++;
    const [start, end] = [found.subarray(0, contentsFrom), found.subarray(contentsFrom)];
    readFully(this.#disk, this.#handle, start, 0, (problem, bytesRead) => {
      if (problem) return finish(problem, bytesRead);
      readFully(this.#disk, this.#handle, end, contentsFrom + totalBytes, finish);
    });
  }

  #corrupt(offset: number, problem: string): TuttiError {
    return new TuttiError('TUTTI_STORE_CORRUPT', { file: this.path, offset, problem });
  }

  hold(): () => void {
    this.#users++;
    let held = true;
    return () => {
      if (held) this.#leave();
      held = false;
    };
  }

  /** A newer one takes its place, or the store is closed. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#closeIfUnused();
  }

  #damageIn(bytes: Uint8Array, bytesRead: number, from: number): TuttiError | undefined {
    const at = bytesRead < bytes.length ? bytesRead : damagedBlock(this.#image, bytes, from);
    if (at === undefined) return undefined;
    const problem = bytesRead < bytes.length ? 'it is cut off' : 'the checksum of this block is another';
    return this.#corrupt(this.#image.contentsFrom + from + at, problem);
  }

  #leave(): void {
    this.#users--;
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (this.#retired && this.#users === 0) this.#disk.closeSync(this.#handle);
  }
}
