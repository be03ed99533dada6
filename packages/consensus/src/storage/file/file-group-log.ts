import { join } from 'node:path';
import { type Clock, TuttiError } from '@tutti/kernel';
import { type GroupSnapshots, SharedLog } from '../../groups/shared-log.ts';
import type { SnapshotMeta } from '../../raft/messages.ts';
import type { LogStoreState, SnapshotWriter, StoredSnapshot, WriteCallback } from '../log-store.ts';
import type { ScrubCallback } from '../scrub.ts';
import { type DiskCalls, nodeDisk } from './disk-calls.ts';
import { FileLogStore, type FileLogStoreOptions } from './file-log-store.ts';
import type { FileOwner } from './file-owner.ts';
import { GroupFolders } from './group-folders.ts';
import { makePrivateDirectory } from './make-directory.ts';
import { removeDrafts } from './meta-file.ts';
import { readableDisk } from './readable-disk.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';
import { SnapshotScrub } from './snapshot-scrub.ts';

/** @see FileLogStoreOptions of which the log of all groups is one */
export interface FileGroupLogOptions extends FileLogStoreOptions {
  readonly clock: Clock;
  /** Bytes after which the older half of the log is dropped, see `SharedLog`. Default 64 MiB. */
  readonly logBytes?: number;
}

/**
 * A log on disk for all groups of a process: the records in `directory/log`, each group's snapshot in
 * `directory/groups/<group>`, see {@link GroupFolders}. One process at a time.
 */
export function createFileGroupLog(options: FileGroupLogOptions, disk: Partial<DiskCalls> = {}): SharedLog {
  const { directory, clock, logBytes, ...rest } = options;
  const { clusterId, nodeId, logger } = rest;
  const calls = readableDisk({ ...nodeDisk(), ...disk });
  const folders = new GroupFolders(calls, join(directory, 'groups'));
  return new SharedLog({
    store: new FileLogStore({ ...rest, directory: join(directory, 'log') }, disk),
    snapshots: (group) => new FileGroupSnapshots(calls, folders, { clusterId, nodeId, group }),
    clock,
    ...(logBytes === undefined ? {} : { logBytes }),
    ...(logger && { logger }),
  });
}

/** The snapshot of one group, in a folder that is made when there is one. */
class FileGroupSnapshots implements GroupSnapshots {
  readonly #disk: DiskCalls;
  readonly #folders: GroupFolders;
  readonly #folder: string;
  readonly #owner: FileOwner;
  readonly #scrub: SnapshotScrub;
  #snapshots: SnapshotDirectory | undefined;

  constructor(disk: DiskCalls, folders: GroupFolders, owner: FileOwner & { readonly group: string }) {
    this.#disk = disk;
    this.#folders = folders;
    this.#folder = folders.of(owner.group);
    this.#owner = owner;
    this.#scrub = new SnapshotScrub(disk, () => this.#snapshots?.current);
  }

  open(done: (failure: Error | undefined, state?: LogStoreState) => void): void {
    let failure: Error | undefined;
    try {
      this.#folders.settle();
      const snapshots = new SnapshotDirectory(this.#disk, this.#folder, this.#owner);
      if (this.#disk.existsSync(this.#folder)) {
        snapshots.open();
        removeDrafts(this.#disk, this.#folder);
      }
      this.#snapshots = snapshots;
    } catch (thrown) {
      failure = thrown as Error;
    }
    this.#disk.nextTurn(() => done(failure));
  }

  close(done: WriteCallback): void {
    this.#snapshots?.close();
    this.#snapshots = undefined;
    this.#disk.nextTurn(() => done(undefined));
  }

  snapshot(): StoredSnapshot | undefined {
    return this.#snapshots?.current;
  }

  scrub(bytesMax: number, done: ScrubCallback): void {
    this.#scrub.next(bytesMax, done);
  }

  beginSnapshot(meta: SnapshotMeta): SnapshotWriter {
    if (!this.#snapshots) throw new TuttiError('TUTTI_CLOSED', { what: `The store in ${this.#folder}` });
    // Where a snapshot is stored, the folder was made to last before.
    if (!this.#snapshots.current) makePrivateDirectory(this.#folder, this.#disk);
    return this.#snapshots.begin(meta);
  }
}
