import { type Logger, logIndex, type Term, TuttiError, term } from '@tutti/kernel';
import type { Entry, HardState } from '../../raft/messages.ts';
import { isBlank } from '../record.ts';
import { type DiskCalls, readWhole, withFile, writeWhole } from './disk-calls.ts';
import { EntryIndex } from './entry-index.ts';
import { type FileOwner, refuseForeignSegment } from './file-owner.ts';
import { flushMarkIn } from './flush-mark.ts';
import { type Gap, LostEntries, type LostStretch } from './lost-entries.ts';
import { hasHeader, listSegments, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts';
import { outlineOf, type ScannedRecord, scanSegment } from './segment-scan.ts';

/** What is wrong with a log, and where. */
export interface LogDamage {
  readonly failure: TuttiError;
  readonly lost: readonly LostStretch[];
  /** The gaps after which no entry is known; empty where the end of the log is. */
  readonly endGaps: readonly Gap[];
  readonly hardStateLost: boolean;
  /** Of each segment, where its whole records stood when it was read: the gaps are counted in those. */
  readonly outlines: ReadonlyMap<number, string>;
}

/** The log as the segments tell it. */
export interface RecoveredLog {
  readonly segments: readonly Segment[];
  readonly index: EntryIndex;
  readonly hardState: HardState;
  readonly lastBatch: number;
  readonly lastChecksum: number;
  /** Where the next record goes in the last segment. */
  readonly nextOffset: number;
  /** Undefined when everything that was flushed is there. While it is not, nothing on the disk has been changed. */
  readonly damage: LogDamage | undefined;
}

interface Place {
  readonly segment: Segment;
  readonly offset: number;
}

/** A record and the segment it stands in; `gap` says that something before it is missing. */
interface Item {
  readonly found: ScannedRecord;
  readonly segment: Segment;
  readonly gap: Gap | undefined;
}

/**
 * Reads a log back. Records of a batch count when all of it is there, or when a record of a later batch is: a batch is
 * written only when the one before is on disk. So the newest batch, if parts of it are missing, is what a crash left of
 * a write that nobody was told of, and is cut off; what is missing before it is damage, which is reported. So is what is
 * missing up to a batch that a segment's header says was flushed; or that it may have said, where that cannot be read.
 */
export class Recovery {
  readonly #disk: DiskCalls;
  readonly #owner: FileOwner;
  readonly #logger: Logger;
  readonly #segments: Segment[];
  readonly #index = new EntryIndex();
  readonly #lost: LostEntries;
  readonly #outlines = new Map<number, string>();
  #hardState: HardState = { term: term(0), votedFor: undefined };
  #hardStateLost = false;
  /** Records of the newest batch seen. */
  #held: Item[] = [];
  /** The last record seen. */
  #last: Item | undefined;
  /** The end of the last batch that counts. */
  #end:
    | (Place & { readonly batch: number; readonly checksum: number; readonly isWhole: boolean })
    | undefined;
  /** Where in the segment of the end, or in the first, something stands that is no whole record. */
  #remains: Place | undefined;
  #failure: TuttiError | undefined;
  /** Up to here all batches are known to have been flushed, though nothing may have come after. */
  #flushed = 0;
  /** The last segment in whose header it was noted how far the log was flushed, and cannot be read any more. */
  #noteLostIn = 0;
  /** Where an entry stands that does not follow the one before it. */
  #hole: { readonly file: string; readonly offset: number } | undefined;

  constructor(disk: DiskCalls, directory: string, owner: FileOwner, logger: Logger) {
    this.#disk = disk;
    this.#owner = owner;
    this.#logger = logger;
    this.#segments = listSegments(disk, directory);
    this.#lost = new LostEntries(this.#index);
  }

  /** @throws TuttiError `TUTTI_STORE_CORRUPT`, `TUTTI_STORE_NEWER_VERSION`, `TUTTI_STORE_FOREIGN_FILE` */
  run(): RecoveredLog {
    for (const [i, segment] of this.#segments.entries()) this.#read(segment, this.#segments[i + 1]);
    this.#releaseNewest();
    const { unexplained } = this.#lost;
    if (unexplained)
      throw corrupt(this.#hole!, `entry ${unexplained.to + 1} follows entry ${unexplained.from - 1}`);
    const damage = this.#damage();
    if (!damage) {
      this.#cut();
      this.#dropUnused();
    }
    return {
      segments: this.#segments,
      index: this.#index,
      hardState: this.#hardState,
      lastBatch: this.#end?.batch ?? 0,
      lastChecksum: this.#end?.checksum ?? 0,
      nextOffset: this.#end?.offset ?? SEGMENT_HEADER_BYTES,
      damage,
    };
  }

  #damage(): LogDamage | undefined {
    const { stretches, openGaps } = this.#lost;
    if (stretches.length === 0 && openGaps.length === 0 && !this.#hardStateLost) return undefined;
    return {
      failure: this.#failure!,
      lost: stretches,
      endGaps: openGaps,
      hardStateLost: this.#hardStateLost,
      outlines: this.#outlines,
    };
  }

  #read(segment: Segment, next: Segment | undefined): void {
    const bytes = this.#disk.readFileSync(segment.path);
    refuseForeignSegment(bytes, segment, this.#owner);
    const whole = hasHeader(bytes, segment);
    const { records, remainsFrom } = scanSegment(bytes, segment.sequence);
    this.#outlines.set(segment.sequence, outlineOf(records));
    // A segment has its header before it has its name: where that is gone, so is what it may have said. One that has only
    // rotted in another place still says nothing where it said nothing.
    const flushed = isCutOff(bytes) ? undefined : flushMarkIn(bytes, segment.sequence);
    if (flushed === undefined) this.#noteLostIn = segment.sequence;
    else this.#flushed = Math.max(this.#flushed, flushed);
    if (!whole && records.length > 0)
      this.#warn(segment, 0, 'its header is damaged, and what follows is whole');
    for (const [i, found] of records.entries()) {
      const gap = this.#gapBefore(found, segment, i);
      const item: Item = { found, segment, gap };
      if (gap) this.#failure ??= corrupt(gap);
      if (this.#last && this.#last.found.batch !== found.batch) this.#release();
      this.#held.push(item);
      this.#last = item;
    }
    if (records.length > 0) {
      segment.firstBatch = records[0]!.batch;
      segment.lastBatch = records.at(-1)!.batch;
      this.#remains = undefined;
    }
    const remains = remainsFrom ?? (isCutOff(bytes) ? SEGMENT_HEADER_BYTES : undefined);
    if (remains !== undefined) this.#remains ??= { segment, offset: remains };
    if (next && next.sequence !== segment.sequence + 1) this.#missing(segment, next);
  }

  /** A file is missing: what it held is noticed by the batch that comes next, unless nothing comes. */
  #missing(segment: Segment, next: Segment): void {
    const later = this.#segments.slice(this.#segments.indexOf(next));
    const holdsSomething = later.some(
      ({ path, sequence }) => scanSegment(this.#disk.readFileSync(path), sequence).records.length > 0,
    );
    if (holdsSomething) return;
    const gap: Gap = {
      sequence: segment.sequence + 1,
      after: 0,
      file: segment.path.replace(/\d+(?=\.log$)/, (digits) =>
        String(segment.sequence + 1).padStart(digits.length, '0'),
      ),
      offset: 0,
    };
    this.#release();
    this.#failure ??= corrupt(gap);
    this.#passGap(gap);
  }

  /** Where something is missing before a record; undefined when it goes on from the one before. */
  #gapBefore(found: ScannedRecord, segment: Segment, at: number): Gap | undefined {
    const before = this.#last;
    // Whatever segment a log begins with, it begins with a batch. What is left of one behind damage looks like one too,
    // once the segment has been written anew.
    if (!before)
      return found.isBatchStart && found.follows ? undefined : gapAt(segment, at, SEGMENT_HEADER_BYTES);
    const { batch, isBatchEnd } = before.found;
    const isNext = isBatchEnd ? found.batch === batch + 1 : found.batch === batch;
    if (before.segment === segment)
      return found.follows && isNext ? undefined : gapAt(segment, at, end(before));
    if (found.follows && isNext && isBatchEnd) return undefined;
    const isBeforeSegment = !isBatchEnd || (found.follows && found.batch !== batch + 1);
    if (!isBeforeSegment) return gapAt(segment, at, SEGMENT_HEADER_BYTES);
    const follower = this.#segments[this.#segments.indexOf(before.segment) + 1]!;
    const isMissing = isBatchEnd && follower.sequence !== before.segment.sequence + 1;
    if (isMissing)
      return {
        sequence: before.segment.sequence + 1,
        after: 0,
        file: `the segment after ${before.segment.path}`,
        offset: 0,
      };
    return gapAt(before.segment, this.#countIn(before.segment), end(before));
  }

  #countIn(segment: Segment): number {
    return scanSegment(this.#disk.readFileSync(segment.path), segment.sequence).records.length;
  }

  /** The records held count: their batch is whole, or a later one shows that it was. */
  #release(): void {
    for (const { found, segment, gap } of this.#held) {
      if (gap) this.#passGap(gap);
      this.#replay(found, segment);
      segment.end = found.offset + found.size;
    }
    const last = this.#held.at(-1);
    this.#held = [];
    if (!last) return;
    const { batch, checksum, isBatchEnd: isWhole } = last.found;
    this.#end = { segment: last.segment, offset: end(last), batch, checksum, isWhole };
  }

  #passGap(gap: Gap): void {
    this.#lost.gap(gap);
    this.#hardStateLost = true;
  }

  /**
   * The newest batch counts if it is there from its first record to its last, or was flushed. Where that was noted and
   * the note is lost, it may have been, and so may what stands behind it.
   */
  #releaseNewest(): void {
    const [first, ...others] = this.#held;
    const newest = first?.found.batch ?? this.#end?.batch ?? 0;
    const isBegun = first?.gap === undefined || first.found.isBatchStart;
    const isChained = others.every(({ gap }) => gap === undefined);
    const isEnded = this.#held.at(-1)?.found.isBatchEnd ?? true;
    const isNoteLost = this.#noteLostIn > 0 && this.#noteLostIn >= (this.#last?.segment.sequence ?? 0);
    const mayBeFlushed = isNoteLost || newest <= this.#flushed;
    if (mayBeFlushed || (isBegun && isChained && isEnded)) {
      this.#release();
      if (newest < this.#flushed || !isEnded || (isNoteLost && this.#remains)) this.#loseEnd();
      return;
    }
    this.#cutNewest(first!);
  }

  /** What was flushed after the last record is gone, and nothing tells how much that was. */
  #loseEnd(): void {
    const last = this.#last;
    const [oldest] = this.#segments;
    const gap = last
      ? gapAt(last.segment, this.#countIn(last.segment), end(last))
      : gapAt(oldest!, 0, SEGMENT_HEADER_BYTES);
    this.#failure ??= corrupt(gap, 'what was flushed last is not readable');
    this.#passGap(gap);
  }

  #cutNewest(first: Item): void {
    this.#held = [];
    const newest = this.#last!.segment;
    if (newest.firstBatch === newest.lastBatch) newest.firstBatch = newest.lastBatch = 0;
    else newest.lastBatch--;
    this.#remains = { segment: first.segment, offset: first.found.offset };
    if (!first.gap) return;
    // What is missing before it belongs to the same torn write only if it stands where that write went.
    const { batch } = first.found;
    const end = this.#end;
    if (end && !(end.isWhole && batch === end.batch + 1)) this.#passGap(first.gap);
    else this.#remains = end ?? { segment: first.segment, offset: SEGMENT_HEADER_BYTES };
  }

  #replay({ record, offset }: ScannedRecord, segment: Segment): void {
    if (record.type === 'hardState') {
      this.#hardState = record.hardState;
      this.#hardStateLost = false;
    } else if (record.type === 'reset') {
      this.#index.reset(record.index, record.term === 0 && record.index > 0 ? undefined : record.term);
      this.#lost.forget();
    } else if (record.type === 'entry') this.#replayEntry(record.entry, segment, offset);
  }

  #replayEntry(entry: Entry, segment: Segment, offset: number): void {
    const index = this.#index;
    if (this.#isBeginning(entry)) {
      index.reset(entry.index - 1, termBefore(entry));
      this.#lost.forget();
    }
    if (entry.index > index.lastIndex + 1) this.#hole = { file: segment.path, offset };
    this.#lost.before(entry);
    if (entry.index < index.firstIndex)
      throw corrupt({ file: segment.path, offset }, `entry ${entry.index} follows entry ${index.lastIndex}`);
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
    if (base === 0) return index.isEmpty && (this.#segments[0]!.sequence > 1 || !this.#lost.hasGaps);
    return entry.index <= base && index.termAt(base) === undefined;
  }

  /** Zeros out what a crash left of the last write, so that it is never taken for anything again. */
  #cut(): void {
    const remains = this.#remains;
    if (!remains) return;
    const { segment, offset } = remains;
    const last = this.#segments.indexOf(segment);
    let bytes = this.#zero(segment, offset);
    for (const later of this.#segments.slice(last + 1)) {
      const contents = this.#disk.readFileSync(later.path);
      if (isBlank(contents, SEGMENT_HEADER_BYTES, contents.length)) continue;
      bytes += contents.length - SEGMENT_HEADER_BYTES;
    }
    if (bytes === 0) return;
    const warning = new TuttiError('TUTTI_STORE_TAIL_CUT', { file: segment.path, offset, bytes });
    this.#logger.warn({ code: warning.code, ...warning.details }, warning.message);
  }

  #zero(segment: Segment, offset: number): number {
    const zero = (handle: number) => zeroRest(this.#disk, handle, segment.sizeBytes, offset);
    return withFile(this.#disk, segment.path, 'r+', zero);
  }

  /** A segment that was made ready and holds no whole batch is made again when it is needed. */
  #dropUnused(): void {
    const keep = this.#end ? this.#segments.indexOf(this.#end.segment) + 1 : 0;
    for (const segment of this.#segments.splice(keep).reverse()) this.#disk.unlinkSync(segment.path);
  }

  #warn(segment: Segment, offset: number, problem: string): void {
    const failure = corrupt({ file: segment.path, offset }, problem);
    this.#logger.warn({ code: failure.code, ...failure.details }, failure.message);
  }
}

/** Writes zeros from `offset` on and flushes them. @returns how many bytes were not zero before, to the last of them */
export function zeroRest(disk: DiskCalls, handle: number, sizeBytes: number, offset: number): number {
  const rest = Buffer.alloc(Math.max(0, sizeBytes - offset));
  readWhole(disk, handle, rest, offset);
  let bytes = rest.length;
  while (bytes > 0 && rest[bytes - 1] === 0) bytes--;
  rest.fill(0);
  if (bytes > 0) writeWhole(disk, handle, rest.subarray(0, bytes), offset);
  disk.fsyncSync(handle);
  return bytes;
}

/** Whether a file that was a segment has nothing left of its header: whatever it held is gone with it. */
const isCutOff = (bytes: Buffer): boolean =>
  bytes.length < SEGMENT_HEADER_BYTES || isBlank(bytes, 0, SEGMENT_HEADER_BYTES);

const end = ({ found }: Item): number => found.offset + found.size;

const gapAt = (segment: Segment, after: number, offset: number): Gap => ({
  sequence: segment.sequence,
  after,
  file: segment.path,
  offset,
});

const corrupt = (
  { file, offset }: { readonly file: string; readonly offset: number },
  problem = 'a record that was flushed is not readable, though later ones are',
): TuttiError => new TuttiError('TUTTI_STORE_CORRUPT', { file, offset, problem });

/** Nothing stands before entry 1; before any other first entry the term is not known. */
const termBefore = (entry: Entry): Term | undefined => (entry.index === 1 ? term(0) : undefined);
