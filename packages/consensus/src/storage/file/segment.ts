import { join } from 'node:path';
import { TuttiError } from '@tutti/kernel';
import { crc32c } from '../crc32c.ts';
import type { DiskCalls } from './disk-calls.ts';
import { syncDirectory } from './meta-file.ts';

/**
 * A segment is one file of the log: a header of 64 bytes, then records, then zeros up to its full size. The zeros are
 * written before the segment is used, so that a flush has no file size or block map to make durable.
 *
 *   0 "TUTTIWAL" | 8 format version u32 | 12 checksum u32 | 16 sequence f64 | 24 zeros
 */
export const SEGMENT_HEADER_BYTES = 64;
export const SEGMENT_VERSION = 1;
const MAGIC = Buffer.from('TUTTIWAL', 'latin1');
const NAME = /^segment-(\d{12})\.log$/;
const ZEROS = Buffer.alloc(1024 * 1024);

/** A segment that is in the directory. */
export interface Segment {
  readonly sequence: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** The highest index of an entry in it, 0 for none: when a snapshot covers that, the segment can go. */
  highestIndex: number;
}

export const segmentName = (sequence: number): string => `segment-${String(sequence).padStart(12, '0')}.log`;

/** The segments of a directory, oldest first. */
export function listSegments(disk: DiskCalls, directory: string): Segment[] {
  const segments: Segment[] = [];
  for (const name of disk.readdirSync(directory)) {
    const match = NAME.exec(name);
    if (!match) continue;
    const path = join(directory, name);
    segments.push({
      sequence: Number(match[1]),
      path,
      sizeBytes: disk.statSync(path).size,
      highestIndex: 0,
    });
  }
  return segments.sort((a, b) => a.sequence - b.sequence);
}

export function segmentHeader(sequence: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(SEGMENT_VERSION, 8);
  header.writeDoubleLE(sequence, 16);
  header.writeUInt32LE(crc32c(header, 0, 16), 12);
  return header;
}

/**
 * Whether `bytes` begin with the header of this segment.
 * @throws TuttiError `TUTTI_STORE_NEWER_VERSION`
 */
export function hasHeader(bytes: Buffer, { sequence, path: file }: Segment): boolean {
  if (bytes.length < SEGMENT_HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return false;
  const isWhole = crc32c(bytes, 0, 16, SEGMENT_HEADER_BYTES) === bytes.readUInt32LE(12);
  const found = bytes.readUInt32LE(8);
  // A version that damage made up is told from one that was written: the rest of the header is no whole one then.
  if (isWhole && found > SEGMENT_VERSION && found < 2 ** 16)
    throw new TuttiError('TUTTI_STORE_NEWER_VERSION', { file, found, supported: SEGMENT_VERSION });
  return isWhole && found === SEGMENT_VERSION && bytes.readDoubleLE(16) === sequence;
}

/** Writes a whole segment of zeros under a draft name, flushes it, and gives it its name. */
export function createSegment(
  disk: DiskCalls,
  directory: string,
  sequence: number,
  sizeBytes: number,
  done: (failure: Error | undefined, segment?: Segment) => void,
): void {
  const path = join(directory, segmentName(sequence));
  const draft = `${path}.tmp`;
  disk.open(draft, 'w', (failure, handle) => {
    if (failure) return done(failure);
    const finish = (problem: Error | null | undefined) =>
      disk.close(handle, () => {
        // A draft that could not be written is in the way of whoever needs its space.
        if (problem) return disk.rm(draft, { force: true }, () => done(problem));
        try {
          disk.renameSync(draft, path);
          syncDirectory(disk, directory);
        } catch (thrown) {
          return done(thrown as Error);
        }
        done(undefined, { sequence, path, sizeBytes, highestIndex: 0 });
      });
    const zeroFrom = (offset: number): void => {
      if (offset >= sizeBytes) return disk.fsync(handle, finish);
      const length = Math.min(ZEROS.length, sizeBytes - offset);
      writeFully(disk, handle, ZEROS.subarray(0, length), offset, (problem) =>
        problem ? finish(problem) : zeroFrom(offset + length),
      );
    };
    writeFully(disk, handle, segmentHeader(sequence), 0, (problem) =>
      problem ? finish(problem) : zeroFrom(SEGMENT_HEADER_BYTES),
    );
  });
}

/** Writes all of `bytes`: the system may take a part of them only. */
export function writeFully(
  disk: Pick<DiskCalls, 'write'>,
  handle: number,
  bytes: Uint8Array,
  offset: number,
  done: (failure: Error | null | undefined) => void,
): void {
  disk.write(handle, bytes, 0, bytes.length, offset, (failure, written) => {
    if (failure || written === bytes.length) return done(failure);
    if (written === 0) return done(new Error('the disk took no bytes'));
    writeFully(disk, handle, bytes.subarray(written), offset + written, done);
  });
}
