import { type Logger, logIndex, type Term, TuttiError, term } from '@tutti/kernel';
import type { Entry, HardState } from '../../raft/messages.ts';
import { type FoundRecord, isBlank, type LogRecord, recordAt } from '../record.ts';
import { type DiskCalls, readWhole, writeWhole } from './disk-calls.ts';
import { EntryIndex } from './entry-index.ts';
import { checkHeader, listSegments, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts';

/** The log as the segments tell it. */
export interface RecoveredLog {
  readonly segments: readonly Segment[];
  readonly index: EntryIndex;
  readonly hardState: HardState;
  readonly lastBatch: number;
  readonly lastChecksum: number;
  /** Where the next record goes in the last segment. */
  readonly nextOffset: number;
}

interface Place {
  readonly segment: Segment;
  readonly offset: number;
}

/**
 * Reads a log back. A batch counts only when all of it is there. What comes after the last whole batch is either the
 * remains of a write that a crash interrupted, which nobody was told of, and is cut off; or, if a whole record of a
 * later batch follows, damage to what had been flushed, since a batch is written only when the one before is on disk:
 * then nothing is changed and the store refuses to open.
 */
export class Recovery {
  readonly #disk: DiskCalls;
  readonly #logger: Logger;
  readonly #segments: Segment[];
  readonly #index = new EntryIndex();
  #hardState: HardState = { term: term(0), votedFor: undefined };
  #batch = 0;
  #checksum = 0;
  #openBatch = 0;
  /** Records of a batch whose end has not been seen. */
  #open: { readonly record: LogRecord; readonly offset: number }[] = [];
  #stop: Place | undefined;
  #end: Place | undefined;

  constructor(disk: DiskCalls, directory: string, logger: Logger) {
    this.#disk = disk;
    this.#logger = logger;
    this.#segments = listSegments(disk, directory);
  }

  /** @throws TuttiError `TUTTI_STORE_CORRUPT`, `TUTTI_STORE_NEWER_VERSION` */
  run(): RecoveredLog {
    for (const segment of this.#segments) checkHeader(this.#readStart(segment), segment);
    for (const segment of this.#segments) {
      const bytes = this.#disk.readFileSync(segment.path);
      if (this.#stop) this.#refuseLater(bytes, segment, SEGMENT_HEADER_BYTES, this.#stop);
      else this.#scan(bytes, segment);
    }
    if (this.#stop) this.#cut(this.#stop);
    this.#dropUnused();
    return {
      segments: this.#segments,
      index: this.#index,
      hardState: this.#hardState,
      lastBatch: this.#batch,
      lastChecksum: this.#end ? this.#checksum : 0,
      nextOffset: this.#end?.offset ?? SEGMENT_HEADER_BYTES,
    };
  }

  #readStart(segment: Segment): Buffer {
    const start = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const handle = this.#disk.openSync(segment.path, 'r');
    try {
      const length = readWhole(this.#disk, handle, start, 0);
      return start.subarray(0, length);
    } finally {
      this.#disk.closeSync(handle);
    }
  }

  /** Goes through one segment up to its end, or to the first thing that is no whole batch. */
  #scan(bytes: Buffer, segment: Segment): void {
    let offset = SEGMENT_HEADER_BYTES;
    let batchFrom = offset;
    let checksum = 0;
    for (;;) {
      const found = recordAt(bytes, offset, segment.sequence, offset);
      if (found === 'blank' && this.#open.length === 0 && isBlankFrom(bytes, offset)) return;
      if (found === 'blank' || found === 'damaged') break;
      const expected = this.#expectedBatch(found);
      if (found.batch > expected)
        throw corrupt(segment, batchFrom, `batch ${expected} is missing before batch ${found.batch}`);
      if (found.previousChecksum !== checksum || found.batch < expected) break;
      this.#openBatch = found.batch;
      this.#open.push({ record: found.record, offset });
      offset += found.size;
      checksum = found.checksum;
      if (!found.isBatchEnd) continue;
      this.#closeBatch(found, segment);
      this.#end = { segment, offset };
      batchFrom = offset;
    }
    this.#open = [];
    this.#stop = { segment, offset: batchFrom };
    this.#refuseLater(bytes, segment, batchFrom, this.#stop);
  }

  /** The log that is left after compaction begins with whatever batch it begins with. */
  #expectedBatch(found: FoundRecord): number {
    if (this.#open.length > 0) return this.#openBatch;
    return this.#batch === 0 ? found.batch : this.#batch + 1;
  }

  #closeBatch(last: FoundRecord, segment: Segment): void {
    for (const { record, offset } of this.#open) this.#replay(record, segment, offset);
    this.#open = [];
    this.#batch = last.batch;
    this.#checksum = last.checksum;
  }

  #replay(record: LogRecord, segment: Segment, offset: number): void {
    if (record.type === 'hardState') this.#hardState = record.hardState;
    else if (record.type === 'reset') this.#index.reset(record.index, record.term);
    else this.#replayEntry(record.entry, segment, offset);
  }

  #replayEntry(entry: Entry, segment: Segment, offset: number): void {
    const index = this.#index;
    if (this.#isBeginning(entry)) index.reset(entry.index - 1, termBefore(entry));
    if (entry.index > index.lastIndex + 1 || entry.index < index.firstIndex)
      throw corrupt(segment, offset, `entry ${entry.index} follows entry ${index.lastIndex}`);
    index.put(entry.index, entry.term, entry.data.length);
    index.place(entry.index, segment.sequence, offset);
    segment.highestIndex = Math.max(segment.highestIndex, entry.index);
  }

  /**
   * The first segment that is left begins wherever compaction ended. If its first entries were uncommitted ones, a
   * later leader may have replaced them from further back: the log then begins with the replacements.
   */
  #isBeginning(entry: Entry): boolean {
    const index = this.#index;
    const base = logIndex(index.firstIndex - 1);
    if (base === 0) return index.isEmpty;
    return entry.index <= base && index.termAt(base) === undefined;
  }

  /** Looks behind the place where reading stopped for a whole record of a batch that came later. */
  #refuseLater(bytes: Buffer, segment: Segment, from: number, stop: Place): void {
    for (let at = from; at < bytes.length; at += 8) {
      if (bytes[at + 12] === 0 || bytes[at + 15] !== 0) continue;
      const found = recordAt(bytes, at, segment.sequence, at);
      if (found === 'blank' || found === 'damaged' || found.batch <= this.#batch + 1) continue;
      throw corrupt(
        stop.segment,
        stop.offset,
        `a record that was flushed is not readable, though a later one at byte ${at} of ${segment.path} is`,
      );
    }
  }

  /** Zeros out what a crash left of the last write, so that it is never taken for anything again. */
  #cut(stop: Place): void {
    const { segment, offset } = stop;
    const last = this.#segments.indexOf(segment);
    const handle = this.#disk.openSync(segment.path, 'r+');
    let bytes = 0;
    try {
      const rest = Buffer.alloc(Math.max(0, segment.sizeBytes - offset));
      readWhole(this.#disk, handle, rest, offset);
      bytes = rest.length - blankTail(rest);
      rest.fill(0);
      writeWhole(this.#disk, handle, rest.subarray(0, bytes), offset);
      this.#disk.fsyncSync(handle);
    } finally {
      this.#disk.closeSync(handle);
    }
    for (const later of this.#segments.slice(last + 1)) {
      const contents = this.#disk.readFileSync(later.path);
      if (isBlankFrom(contents, SEGMENT_HEADER_BYTES)) continue;
      bytes += contents.length - SEGMENT_HEADER_BYTES;
    }
    if (bytes === 0) return;
    const warning = new TuttiError('TUTTI_STORE_TAIL_CUT', { file: segment.path, offset, bytes });
    this.#logger.warn({ code: warning.code, ...warning.details }, warning.message);
  }

  /** A segment that was made ready and holds no whole batch is made again when it is needed. */
  #dropUnused(): void {
    const keep = this.#end ? this.#segments.indexOf(this.#end.segment) + 1 : 0;
    for (const segment of this.#segments.splice(keep).reverse()) this.#disk.unlinkSync(segment.path);
  }
}

const corrupt = (segment: Segment, offset: number, problem: string): TuttiError =>
  new TuttiError('TUTTI_STORE_CORRUPT', { file: segment.path, offset, problem });

/** Nothing stands before entry 1; before any other first entry the term is not known. */
const termBefore = (entry: Entry): Term | undefined => (entry.index === 1 ? term(0) : undefined);

/** How many zeros `bytes` ends with; whole words first, since most of a segment may be zeros. */
function blankTail(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.length - end;
}

const isBlankFrom = (bytes: Buffer, from: number): boolean => isBlank(bytes, from, bytes.length);
