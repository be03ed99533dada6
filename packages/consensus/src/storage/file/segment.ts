import { join } from 'node:path';
import type { DiskCalls } from './disk-calls.ts';
import { type FileMark, hasFileMark, writeFileMark } from './file-mark.ts';
import { type FileOwner, OWNER_MARK_AT, ownerMark } from './file-owner.ts';
import { flushDirectory } from './meta-file.ts';

/**
 * A segment is one file of the log: a header of 64 bytes, then records, then zeros up to its full size. The zeros are
 * written before the segment is used, so that a flush has no file size or block map to make durable.
 *
 *   0 the mark, with "TUTTIWAL" | 16 sequence f64 | 24 how far the log was flushed, see `flush-mark.ts`
 *   36 whose it is, see `file-owner.ts` | 60 zeros
 */
export const SEGMENT_HEADER_BYTES = 64;
export const SEGMENT_MARK: FileMark = { letters: 'TUTTIWAL', version: 2 };
const NAME = /^segment-(\d{12})\.log$/;
const ZEROS = Buffer.alloc(1024 * 1024);

/** A segment that is in the directory. */
export interface Segment {
  readonly sequence: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** The highest index of an entry in it, 0 for none: when a snapshot covers that, the segment can go. */
  highestIndex: number;
  /** Where what was flushed in it ends. */
  end: number;
  /** The numbers of the first and the last batch that were flushed in it, 0 for none. */
  firstBatch: number;
  lastBatch: number;
}

/** A segment that holds nothing that is known of. */
export const emptySegment = (sequence: number, path: string, sizeBytes: number): Segment => ({
  sequence,
  path,
  sizeBytes,
  highestIndex: 0,
  end: SEGMENT_HEADER_BYTES,
  firstBatch: 0,
  lastBatch: 0,
});

export const segmentName = (sequence: number): string => `segment-${String(sequence).padStart(12, '0')}.log`;

/** The segments of a directory, oldest first. */
export function listSegments(disk: DiskCalls, directory: string): Segment[] {
  const segments: Segment[] = [];
  for (const name of disk.readdirSync(directory)) {
    const match = NAME.exec(name);
    if (!match) continue;
    const path = join(directory, name);
    segments.push(emptySegment(Number(match[1]), path, disk.statSync(path).size));
  }
  return segments.sort((a, b) => a.sequence - b.sequence);
}

export function segmentHeader(sequence: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  writeFileMark(header, SEGMENT_MARK);
  header.writeDoubleLE(sequence, 16);
  return header;
}

/**
 * Whether `bytes` begin with the header of this segment.
 * @throws TuttiError `TUTTI_STORE_NEWER_VERSION`
 */
export function hasHeader(bytes: Buffer, { sequence, path: file }: Segment): boolean {
  return hasFileMark(bytes, SEGMENT_MARK, file) && bytes.readDoubleLE(16) === sequence;
}

/** Where segments are made, and whose they are. */
export interface SegmentPlace {
  readonly disk: DiskCalls;
  readonly directory: string;
  readonly owner: FileOwner;
}

/** Writes a whole segment of zeros under a draft name, flushes it, and gives it its name. */
export function createSegment(
  { disk, directory, owner }: SegmentPlace,
  sequence: number,
  sizeBytes: number,
  done: (failure: Error | undefined, segment?: Segment) => void,
): void {
  const path = join(directory, segmentName(sequence));
  const draft = `${path}.tmp`;
  const header = segmentHeader(sequence);
  ownerMark(sequence, owner).copy(header, OWNER_MARK_AT);
  disk.open(draft, 'w', (failure, handle) => {
    if (failure) return done(failure);
    const finish = (problem: Error | null | undefined) =>
      disk.close(handle, () => {
        // A draft that could not be written is in the way of whoever needs its space.
        if (problem) return disk.rm(draft, { force: true }, () => done(problem));
        disk.rename(draft, path, (unnamed) => {
          if (unnamed) return done(unnamed);
          flushDirectory(disk, directory, (unflushed) =>
            unflushed ? done(unflushed) : done(undefined, emptySegment(sequence, path, sizeBytes)),
          );
        });
      });
    const zeroFrom = (offset: number): void => {
      if (offset >= sizeBytes) return disk.fsync(handle, finish);
      const length = Math.min(ZEROS.length, sizeBytes - offset);
      writeFully(disk, handle, ZEROS.subarray(0, length), offset, (problem) =>
        problem ? finish(problem) : zeroFrom(offset + length),
      );
    };
    writeFully(disk, handle, header, 0, (problem) =>
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
