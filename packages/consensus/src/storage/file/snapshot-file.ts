import { TuttiError } from '@tutti/kernel';
import type { SnapshotMeta } from '../../raft/messages.ts';
import type { StoredSnapshot } from '../log-store.ts';
import { type DiskCalls, readFully } from './disk-calls.ts';
import { damagedBlock, readImage, SNAPSHOT_BLOCK_BYTES, type SnapshotImage } from './snapshot-format.ts';

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

  /** Opens a file that is there and checks it in full. @throws TuttiError `TUTTI_STORE_CORRUPT`, `TUTTI_STORE_NEWER_VERSION` */
  static open(disk: DiskCalls, path: string): SnapshotFile {
    const handle = disk.openSync(path, 'r');
    try {
      const { head, ...image } = readImage(disk, path, handle);
      return new SnapshotFile(disk, path, handle, { ...image, meta: head as SnapshotMeta });
    } catch (thrown) {
      disk.closeSync(handle);
      throw thrown;
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
    const offset = this.#image.contentsFrom + from + at;
    return new TuttiError('TUTTI_STORE_CORRUPT', { file: this.path, offset, problem });
  }

  #leave(): void {
    this.#users--;
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (this.#retired && this.#users === 0) this.#disk.closeSync(this.#handle);
  }
}
