import { isTuttiError, messageOf, TuttiError } from '@tutti/kernel';
import type { SnapshotMeta } from '../../raft/messages.ts';
import { crc32c } from '../crc32c.ts';
import type { StoredSnapshot } from '../log-store.ts';
import { BlockChecksums } from './block-checksums.ts';
import { type DiskCalls, nodeDisk } from './disk-calls.ts';
import type { FileMark } from './file-mark.ts';
import { SnapshotFile } from './snapshot-file.ts';
import { endOf, headerOf, readImage } from './snapshot-format.ts';

/** A backup is laid out like a snapshot file, under another mark and with more said of it. */
const BACKUP_MARK: FileMark = { letters: 'TUTTIBAK', version: 1 };
/** What is read and handed on at once. */
const PIECE_BYTES = 256 * 1024;

/** What a backup says of itself. */
export interface BackupAbout {
  /** Of which cluster. */
  readonly cluster: string;
  /** Which node wrote it. */
  readonly node: string;
  /** When, in milliseconds since 1970. */
  readonly takenAtMs: number;
  /** Up to which entry its state goes, and who belonged to the group then. */
  readonly snapshot: SnapshotMeta;
  /** What the layer above must know to use it again; JSON. */
  readonly note?: Readonly<Record<string, string | number>>;
}

/**
 * The bytes of a backup, in pieces: everything that a snapshot holds (sessions and modules), a checksum for each block,
 * and an end that says that there is no more. They are read from the disk as they are asked for.
 * @throws TuttiError `TUTTI_STORE_CORRUPT` when the snapshot has rotted; what was handed out before is no backup then
 */
export async function* backupBytes(
  snapshot: StoredSnapshot,
  about: Omit<BackupAbout, 'snapshot'>,
): AsyncGenerator<Uint8Array> {
  const header = headerOf({ ...about, snapshot: snapshot.meta }, BACKUP_MARK);
  const blocks = new BlockChecksums();
  let checksum = 0;
  yield header;
  for (let offset = 0; offset < snapshot.totalBytes; ) {
    const piece = await pieceOf(snapshot, offset);
    if (piece.length === 0) break;
    blocks.add(piece);
    checksum = crc32c(piece, checksum);
    offset += piece.length;
    yield piece;
  }
  if (checksum !== snapshot.checksum)
    throw new TuttiError('TUTTI_STORE_CORRUPT', {
      file: 'snapshot',
      offset: snapshot.totalBytes,
      problem: 'the checksum of its contents is another',
    });
  yield endOf(header, blocks.finish(), snapshot.totalBytes, checksum);
}

function pieceOf(snapshot: StoredSnapshot, offset: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    snapshot.read(offset, PIECE_BYTES, (failure, data) => (failure ? reject(failure) : resolve(data)));
  });
}

/** A backup that was found whole: all of it is checked when it is opened, and each block again when it is read. */
export class BackupFile {
  readonly about: BackupAbout;
  /** The state, to be read while this is open. */
  readonly contents: StoredSnapshot;
  readonly #file: SnapshotFile;

  private constructor(about: BackupAbout, file: SnapshotFile) {
    this.about = about;
    this.contents = file;
    this.#file = file;
  }

  /**
   * @throws TuttiError `TUTTI_BACKUP_UNUSABLE` when it is not there, damaged at any byte or cut off;
   * `TUTTI_STORE_NEWER_VERSION`
   */
  static open(path: string, disk: DiskCalls = nodeDisk()): BackupFile {
    let handle: number | undefined;
    try {
      handle = disk.openSync(path, 'r');
      const { head, ...image } = readImage(disk, path, handle, BACKUP_MARK);
      const about = head as BackupAbout;
      return new BackupFile(about, new SnapshotFile(disk, path, handle, { ...image, meta: about.snapshot }));
    } catch (thrown) {
      if (handle !== undefined) disk.closeSync(handle);
      if (isTuttiError(thrown, 'TUTTI_STORE_NEWER_VERSION')) throw thrown;
      throw new TuttiError(
        'TUTTI_BACKUP_UNUSABLE',
        { file: path, problem: problemIn(thrown) },
        { cause: thrown },
      );
    }
  }

  close(): void {
    this.#file.retire();
  }
}

function problemIn(thrown: unknown): string {
  if (!isTuttiError(thrown, 'TUTTI_STORE_CORRUPT')) return messageOf(thrown);
  return `it is damaged at byte ${thrown.details['offset'] as number}: ${thrown.details['problem'] as string}`;
}
