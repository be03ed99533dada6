import { TuttiError } from '@tutti/kernel';
import type { SnapshotMeta } from '../../raft/messages.ts';
import { crc32c } from '../crc32c.ts';
import { type DiskCalls, readWhole } from './disk-calls.ts';
import { FILE_MARK_BYTES, type FileMark, hasFileMark, writeFileMark } from './file-mark.ts';
import type { FileOwner } from './file-owner.ts';

/**
 * A snapshot file: the mark with "TUTTISNP", length of the meta data u32, the meta data as JSON and with them whose it
 * is, which those of earlier versions do not say, the contents, the CRC-32C of each 64 KiB of the contents u32, and at
 * the end the contents' length f64, their CRC-32C u32, and the CRC-32C of all that stands around them u32. With the
 * checksums of the blocks every read is checked by itself: what has rotted since the file was opened is neither restored
 * nor sent.
 */
export const SNAPSHOT_MARK: FileMark = { letters: 'TUTTISNP', version: 3 };
const HEADER_BYTES = FILE_MARK_BYTES + 4;
const TRAILER_BYTES = 16;
export const SNAPSHOT_BLOCK_BYTES = 64 * 1024;
/** What is read at once when the whole file is checked. */
const READ_BYTES = 16 * SNAPSHOT_BLOCK_BYTES;

/** What such a file holds around its contents. */
export interface Image {
  /** The meta data, as they were given. */
  readonly head: unknown;
  readonly contentsFrom: number;
  readonly totalBytes: number;
  readonly checksum: number;
  /** A u32 for each block of the contents. */
  readonly blocks: Buffer;
}

/** What is known of a snapshot file besides its contents. */
export interface SnapshotImage extends Omit<Image, 'head'> {
  readonly meta: SnapshotMeta;
  /** As the file says it. */
  readonly owner?: FileOwner | undefined;
}

/** The meta data of a snapshot file. */
export type SnapshotHead = SnapshotMeta & { readonly owner?: FileOwner | undefined };

export function headerOf(head: object, mark = SNAPSHOT_MARK): Buffer {
  const json = Buffer.from(JSON.stringify(head));
  const header = Buffer.alloc(HEADER_BYTES + json.length);
  writeFileMark(header, mark);
  header.writeUInt32LE(json.length, FILE_MARK_BYTES);
  json.copy(header, HEADER_BYTES);
  return header;
}

/** What stands behind the contents: the blocks' checksums, and the trailer. */
export function endOf(header: Uint8Array, blocks: Uint8Array, totalBytes: number, checksum: number): Buffer {
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeDoubleLE(totalBytes, 0);
  trailer.writeUInt32LE(checksum, 8);
  trailer.writeUInt32LE(crc32c(trailer.subarray(0, 12), crc32c(blocks, crc32c(header))), 12);
  return Buffer.concat([blocks, trailer]);
}

/** Where in `bytes`, which stand at `from` in the contents, the first damaged block begins. */
export function damagedBlock(
  { blocks }: Pick<Image, 'blocks'>,
  bytes: Uint8Array,
  from: number,
): number | undefined {
  for (let at = 0; at < bytes.length; at += SNAPSHOT_BLOCK_BYTES) {
    const actual = crc32c(bytes, 0, at, Math.min(at + SNAPSHOT_BLOCK_BYTES, bytes.length));
    if (actual !== blocks.readUInt32LE(((from + at) / SNAPSHOT_BLOCK_BYTES) * 4)) return at;
  }
  return undefined;
}

/**
 * Reads what stands around the contents, and checks all of the file.
 * @param mark What it must begin with: that of a snapshot, or of another file that is laid out like one.
 * @throws TuttiError `TUTTI_STORE_CORRUPT`, `TUTTI_STORE_NEWER_VERSION`
 */
export function readImage(disk: DiskCalls, path: string, handle: number, mark = SNAPSHOT_MARK): Image {
  const image = readFrame(disk, path, handle, mark);
  checkContents(disk, path, handle, image);
  return image;
}

/** Reads and checks what stands around the contents. @throws as {@link readImage} */
export function readFrame(disk: DiskCalls, path: string, handle: number, mark = SNAPSHOT_MARK): Image {
  const { size } = disk.fstatSync(handle);
  const start = readAt(disk, path, handle, 0, HEADER_BYTES);
  if (!hasFileMark(start, mark, path)) throw damaged(path, 0, `it does not begin with ${mark.letters}`);
  const contentsFrom = HEADER_BYTES + start.readUInt32LE(FILE_MARK_BYTES);
  if (contentsFrom + TRAILER_BYTES > size) {
    const ends = `it ends at byte ${size}, within its header, or the length that stands here is damaged`;
    throw damaged(path, FILE_MARK_BYTES, ends);
  }
  const header = readAt(disk, path, handle, 0, contentsFrom);
  const trailer = readAt(disk, path, handle, size - TRAILER_BYTES, TRAILER_BYTES);
  const totalBytes = trailer.readDoubleLE(0);
  const blocksBytes = 4 * Math.ceil(totalBytes / SNAPSHOT_BLOCK_BYTES);
  if (contentsFrom + totalBytes + blocksBytes + TRAILER_BYTES !== size)
    throw damaged(path, size, 'it is cut off, or goes on, or the length that its end names is damaged');
  const blocks = readAt(disk, path, handle, contentsFrom + totalBytes, blocksBytes);
  const checksum = trailer.readUInt32LE(8);
  if (!endOf(header, blocks, totalBytes, checksum).subarray(blocksBytes).equals(trailer))
    throw damaged(
      path,
      0,
      `its first ${contentsFrom} bytes, or those behind its contents, are not as they were written`,
    );
  const head: unknown = JSON.parse(header.toString('utf8', HEADER_BYTES));
  return { head, contentsFrom, totalBytes, checksum, blocks };
}

/** @throws TuttiError `TUTTI_STORE_CORRUPT` */
export function checkContents(
  disk: DiskCalls,
  path: string,
  handle: number,
  image: Omit<Image, 'head'>,
): void {
  const { contentsFrom, totalBytes } = image;
  for (let from = 0; from < totalBytes; from += READ_BYTES) {
    const bytes = readAt(disk, path, handle, contentsFrom + from, Math.min(READ_BYTES, totalBytes - from));
    const at = damagedBlock(image, bytes, from);
    if (at !== undefined)
      throw damaged(path, contentsFrom + from + at, 'the block that begins there is not as it was written');
  }
}

function readAt(disk: DiskCalls, path: string, handle: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readWhole(disk, handle, bytes, offset) === length) return bytes;
  throw damaged(path, disk.fstatSync(handle).size, 'it is cut off');
}

const damaged = (file: string, offset: number, problem: string): TuttiError =>
  new TuttiError('TUTTI_STORE_CORRUPT', { file, offset, problem });
