import { join } from 'node:path';
import { isTuttiError, type TuttiError } from '@tutti/kernel';
import type { SnapshotMeta } from '../../raft/messages.ts';
import type { SnapshotWriter, StoredSnapshot } from '../log-store.ts';
import type { DiskCalls } from './disk-calls.ts';
import type { FileOwner } from './file-owner.ts';
import { SnapshotDraft } from './snapshot-draft.ts';
import { SnapshotFile } from './snapshot-file.ts';

const NAME = /^snapshot-(\d{16})\.snap$/;

const nameOf = (meta: SnapshotMeta): string => `snapshot-${String(meta.index).padStart(16, '0')}.snap`;

/** The snapshot of a directory: at most one, what is being written beside it, and older ones that are still held. */
export class SnapshotDirectory {
  readonly #disk: DiskCalls;
  readonly #directory: string;
  readonly #owner: FileOwner;
  #current: SnapshotFile | undefined;
  #closed = false;
  #failure: TuttiError | undefined;

  constructor(disk: DiskCalls, directory: string, owner: FileOwner) {
    this.#disk = disk;
    this.#directory = directory;
    this.#owner = owner;
  }

  get current(): SnapshotFile | undefined {
    return this.#current;
  }

  /**
   * Takes the newest one that is whole, checked in full. What is damaged is left in its place until a new one is stored;
   * `failure` tells of it.
   * @throws TuttiError `TUTTI_STORE_NEWER_VERSION`, `TUTTI_STORE_FOREIGN_FILE`
   */
  open(): void {
    const names = this.#disk.readdirSync(this.#directory).filter((name) => NAME.test(name));
    const newestFirst = names.toSorted().toReversed();
    const paths = newestFirst.map((name) => join(this.#directory, name));
    // Those that are older go unread, and what is another's must not go.
    for (const path of paths.slice(1)) SnapshotFile.checkOwner(this.#disk, path, this.#owner);
    for (const path of paths) {
      try {
        this.#current = SnapshotFile.open(this.#disk, path, this.#owner);
        break;
      } catch (thrown) {
        if (!isTuttiError(thrown, 'TUTTI_STORE_CORRUPT')) throw thrown;
        this.#failure ??= thrown;
      }
    }
    if (!this.#failure) this.#forgetOthers();
  }

  /** What is wrong with the newest snapshot there is. */
  get failure(): TuttiError | undefined {
    return this.#failure;
  }

  begin(meta: SnapshotMeta): SnapshotWriter {
    const path = join(this.#directory, nameOf(meta));
    return new SnapshotDraft(this.#disk, meta, this.#owner, path, (file) => this.#publish(file));
  }

  close(): void {
    this.#closed = true;
    this.#current?.retire();
    this.#current = undefined;
  }

  #publish(file: SnapshotFile): StoredSnapshot {
    const before = this.#current;
    // Its name is on the disk, and counts when the directory is opened again.
    if (this.#closed) {
      file.retire();
      return file;
    }
    if (before && before.meta.index > file.meta.index) {
      file.retire();
      this.#disk.rm(file.path, { force: true }, () => {});
      return before;
    }
    this.#current = file;
    before?.retire();
    if (this.#failure) this.#forgetOthers();
    this.#failure = undefined;
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
