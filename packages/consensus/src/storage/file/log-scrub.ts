import { RECORD_HEADER_BYTES, recordAt, recordSize } from '../record.ts';
import { type DiskCalls, readFully } from './disk-calls.ts';
import { SEGMENT_HEADER_BYTES, type Segment } from './segment.ts';

/** What a piece was found to be: how much was read, and the segment that turned out to be damaged. */
export interface LogPiece {
  readonly bytes: number;
  readonly damaged?: Segment;
  /** There is nothing after it. */
  readonly isLast: boolean;
}

type PieceCallback = (failure: Error | undefined, piece?: LogPiece) => void;

const NOTHING_LEFT: LogPiece = { bytes: 0, isLast: true };
const NOTHING_READ: LogPiece = { bytes: 0, isLast: false };

/**
 * Reads the segments of a log in use again, piece by piece, as far as they were flushed, and follows the chain of their
 * records' checksums.
 */
export class LogScrub {
  readonly #disk: DiskCalls;
  readonly #segments: () => readonly Segment[];
  /** The segment that is being read, and what has been read of it. */
  #sequence = 0;
  #handle: number | undefined;
  #offset = SEGMENT_HEADER_BYTES;
  #checksum = 0;
  #batch = 0;

  constructor(disk: DiskCalls, segments: () => readonly Segment[]) {
    this.#disk = disk;
    this.#segments = segments;
  }

  /** Reads the next piece; a record that is longer than `bytesMax` is read as a whole. */
  next(bytesMax: number, done: PieceCallback): void {
    const segment = this.#segmentToRead();
    if (!segment) {
      this.restart();
      return this.#disk.nextTurn(() => done(undefined, NOTHING_LEFT));
    }
    this.#opened(segment, (failure, handle) => {
      // It may have been compacted away meanwhile.
      const isGone = !this.#segments().includes(segment);
      if (isGone || (!failure && handle === undefined)) return done(undefined, NOTHING_READ);
      if (failure) return done(failure);
      const length = Math.min(Math.max(bytesMax, RECORD_HEADER_BYTES), segment.end - this.#offset);
      this.#read(segment, handle!, length, done);
    });
  }

  /** Begins anew with the first segment. */
  restart(): void {
    this.#goTo(0);
  }

  /** Goes on after a segment that is damaged: what comes behind the damage is looked at when it is mended. */
  skip(): void {
    this.#goTo(this.#sequence + 1);
  }

  #goTo(sequence: number): void {
    if (this.#handle !== undefined) this.#disk.closeSync(this.#handle);
    this.#handle = undefined;
    this.#sequence = sequence;
    this.#offset = SEGMENT_HEADER_BYTES;
    this.#checksum = 0;
    this.#batch = 0;
  }

  /** The one that is being read, if there is more of it; else the next. Those that were compacted are passed over. */
  #segmentToRead(): Segment | undefined {
    const left = this.#segments().filter(({ sequence }) => sequence >= this.#sequence);
    for (const segment of left) {
      if (segment.sequence !== this.#sequence) this.#goTo(segment.sequence);
      if (this.#offset < segment.end) return segment;
    }
    return undefined;
  }

  #opened(segment: Segment, done: (failure: Error | undefined, handle?: number) => void): void {
    if (this.#handle !== undefined) return done(undefined, this.#handle);
    const { sequence } = segment;
    this.#disk.open(segment.path, 'r', (failure, handle) => {
      if (failure) return done(failure);
      // It may have been told to begin anew meanwhile.
      if (this.#sequence !== sequence || this.#handle !== undefined) this.#disk.closeSync(handle);
      else this.#handle = handle;
      done(undefined, this.#handle);
    });
  }

  #read(segment: Segment, handle: number, length: number, done: PieceCallback): void {
    const from = this.#offset;
    const bytes = new Uint8Array(length);
    readFully(this.#disk, handle, bytes, from, (failure, bytesRead) => {
      if (failure) return done(failure);
      const whole = bytesRead < length ? 'damaged' : this.#check(bytes, segment);
      if (whole === 'damaged') return done(undefined, { bytes: bytesRead, damaged: segment, isLast: false });
      if (whole > length) return this.#read(segment, handle, whole, done);
      done(undefined, { bytes: length, isLast: false });
    });
  }

  /**
   * Goes on from record to record. A record that the piece has only a part of is left to the next one; if it is the
   * first of the piece, this says how long a piece has to be.
   */
  #check(bytes: Uint8Array, segment: Segment): number | 'damaged' {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < bytes.length) {
      const left = bytes.length - at;
      const isEnd = this.#offset + left === segment.end;
      const size = left < RECORD_HEADER_BYTES ? RECORD_HEADER_BYTES : recordSize(view.getUint32(at, true));
      if (size > left) {
        if (isEnd || this.#offset + size > segment.end) return 'damaged';
        return at === 0 ? size : 0;
      }
      const found = recordAt(bytes, at, segment.sequence, this.#offset);
      if (typeof found === 'string' || found.previousChecksum !== this.#checksum) return 'damaged';
      if (found.batch < this.#batch) return 'damaged';
      ({ batch: this.#batch, checksum: this.#checksum } = found);
      this.#offset += found.size;
      at += found.size;
    }
    return 0;
  }
}
