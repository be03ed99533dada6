import { join } from 'node:path';
import type { Entry } from '../../raft/messages.ts';
import { BatchEncoder, type LogRecord, sizeOf } from '../record.ts';
import type { DiskCalls } from './disk-calls.ts';
import { OWNER_MARK_AT, ownerMarkBytes } from './file-owner.ts';
import { FLUSH_MARK_AT, flushMarkBytes } from './flush-mark.ts';
import { inSlices, readSliced, SLICE_BYTES } from './in-slices.ts';
import type { Gap } from './lost-entries.ts';
import { syncDirectory } from './meta-file.ts';
import { SEGMENT_HEADER_BYTES, type Segment, segmentHeader, segmentName, writeFully } from './segment.ts';
import type { ReadSegment } from './segment-damage.ts';
import { outlineOf, type SegmentScan, scanning } from './segment-scan.ts';

/** What is put into the gaps of one segment, each after so many of its whole records. */
export interface Fill {
  readonly after: number;
  readonly records: readonly LogRecord[];
}

/** A record under the number of its batch; or, in the place of one, damage that is to stay what it is. */
interface Numbered {
  readonly record: LogRecord | undefined;
  readonly batch: number;
  /** The batch went on after this record, and the rest of it is still lost. */
  readonly isOpen?: boolean;
}

/** What a segment is to be. */
export interface SegmentRewrite {
  readonly sequence: number;
  readonly fills: readonly Fill[];
  /** Of the whole log, in order: they tell the numbers of the batches that belong into this one. */
  readonly segments: readonly Segment[];
  /** Where its whole records stood when the fills were reckoned, see {@link outlineOf}. Default: where they do now. */
  readonly outline?: string;
  /** Asked when everything is written, just before it takes its place. Default that it still is. */
  readonly isWanted?: () => boolean;
  /** The segment as it is, where it has been read already. */
  readonly read?: Pick<ReadSegment, 'bytes' | 'scan'>;
}

/** An entry of a segment that was written anew, and where it stands. */
export interface PlacedEntry {
  readonly entry: Entry;
  readonly offset: number;
}

/** What a segment holds that was written anew, and where that ends. */
export interface Rewritten {
  readonly entries: readonly PlacedEntry[];
  readonly end: number;
}

const PADDING: LogRecord = { type: 'padding' };
/** Cannot be taken for a record, nor for the zeros after the last. */
const DAMAGED = new Uint8Array(8).fill(0xff);

/**
 * Writes a damaged segment anew beside the old one, with its gaps closed, and puts it in its place by a rename: a crash
 * leaves either of them. A gap that nothing is put into stays one. The whole records keep the numbers of their
 * batches; numbers that nothing is left of get a record that says nothing, so that the log has no gap between this
 * segment and the next. What the header says of flushes stays as it is, so that damage is not taken for a torn write; so
 * does what it says of its owner. The loop goes on meanwhile. Calls back with what the segment holds now, in the turn in
 * which it takes its place; with nothing if it was not wanted any more, or if more of it has been damaged since: the gaps
 * may be elsewhere by now.
 */
export function rewriteSegment(
  disk: DiskCalls,
  directory: string,
  rewrite: SegmentRewrite,
  done: (failure: Error | undefined, rewritten?: Rewritten) => void,
): void {
  const path = join(directory, segmentName(rewrite.sequence));
  const begin = (failure: Error | undefined, before?: Buffer): void => {
    if (failure || !before) return done(failure);
    inSlices(disk, rewriting(before, rewrite), (problem, made) => {
      if (problem || !made) return done(problem);
      const isWanted = rewrite.isWanted ?? (() => true);
      replace(disk, directory, path, made.bytes, isWanted, (unplaced, isPlaced) =>
        done(unplaced, isPlaced ? made : undefined),
      );
    });
  };
  if (rewrite.read) begin(undefined, rewrite.read.bytes);
  else readSliced(disk, path, begin);
}

function* rewriting(
  before: Buffer,
  rewrite: SegmentRewrite,
): Generator<void, (Rewritten & { readonly bytes: Buffer }) | undefined> {
  const { sequence, read, outline } = rewrite;
  const scan = read?.scan ?? (yield* scanning(before, sequence));
  if (outline !== undefined && outlineOf(scan.records) !== outline) return undefined;
  const made = yield* encoding(withFills(scan, rewrite), sequence, before.length);
  // What it says of flushes holds for the records that it keeps, and for what is still missing.
  flushMarkBytes(before).copy(made.bytes, FLUSH_MARK_AT);
  ownerMarkBytes(before).copy(made.bytes, OWNER_MARK_AT);
  return made;
}

function withFills(
  { records, remainsFrom }: SegmentScan,
  { sequence, fills, segments }: SegmentRewrite,
): readonly Numbered[] {
  const range = numbersOf(sequence, segments);
  const own = records.filter(({ batch }) => batch >= range.first && batch <= range.last);
  const fillsBy = new Map(fills.toReversed().map((fill) => [fill.after, fill]));
  const fillAt = (at: number) => fillsBy.get(at);
  // What is missing at an end that nothing is put to stays missing.
  const first = fillAt(0) ? range.first : (own[0]?.batch ?? range.first);
  const last = fillAt(own.length) ? range.last : (own.at(-1)?.batch ?? range.last);
  const numbered: Numbered[] = [];
  const add = (record: LogRecord, batch: number): void => {
    // No number is left out.
    let next = (numbered.at(-1)?.batch ?? first - 1) + 1;
    for (; next < batch; next++) numbered.push({ record: PADDING, batch: next });
    numbered.push({ record, batch });
  };
  for (let at = 0; at <= own.length; at++) {
    const batch = own[at - 1]?.batch ?? own[at]?.batch ?? first;
    const fill = fillAt(at);
    for (const record of fill?.records ?? []) add(record, batch);
    const whole = own[at];
    if (!fill && whole && !whole.follows) numbered.push({ record: undefined, batch: whole.batch - 1 });
    if (whole) add(whole.record, whole.batch);
  }
  if ((numbered.at(-1)?.batch ?? first - 1) < last) add(PADDING, last);
  const final = numbered.at(-1);
  if (final && !fillAt(own.length) && own.at(-1)?.isBatchEnd === false)
    numbered.push({ ...numbered.pop()!, isOpen: true });
  if (remainsFrom !== undefined && !fillAt(own.length)) numbered.push({ record: undefined, batch: last });
  return numbered;
}

/** The batches that belong into a segment: those between its neighbours'. */
function numbersOf(sequence: number, segments: readonly Segment[]): { first: number; last: number } {
  const used = segments.filter(({ lastBatch }) => lastBatch > 0);
  const own = used.find((segment) => segment.sequence === sequence);
  const before = used.findLast((segment) => segment.sequence < sequence);
  const after = used.find((segment) => segment.sequence > sequence);
  const first = before ? before.lastBatch + 1 : (own?.firstBatch ?? 1);
  const last = after ? after.firstBatch - 1 : (own?.lastBatch ?? first);
  return { first, last: Math.max(first, last) };
}

function* encoding(
  numbered: readonly Numbered[],
  sequence: number,
  sizeBytes: number,
): Generator<void, Rewritten & { readonly bytes: Buffer }> {
  const parts: Uint8Array[] = [segmentHeader(sequence)];
  const entries: PlacedEntry[] = [];
  let offset = SEGMENT_HEADER_BYTES;
  let end = offset;
  let checksum = 0;
  let pausedAt = 0;
  for (let at = 0; at < numbered.length; ) {
    if (offset - pausedAt >= SLICE_BYTES) {
      pausedAt = offset;
      yield;
    }
    const { batch, record: first } = numbered[at]!;
    if (!first) {
      parts.push(DAMAGED);
      offset += DAMAGED.length;
      at++;
      continue;
    }
    const run = runFrom(numbered, at);
    const size = run.reduce((sum, { record }) => sum + sizeOf(record), 0);
    const encoder = new BatchEncoder(size, sequence, offset, batch, checksum);
    for (const [i, { record, isOpen }] of run.entries()) {
      if (record.type === 'entry') entries.push({ entry: record.entry, offset: encoder.offset });
      encoder.record(record, i === run.length - 1 && !isOpen);
    }
    at += run.length;
    parts.push(encoder.bytes);
    ({ offset, checksum } = encoder);
    end = offset;
  }
  const blank = Buffer.alloc(Math.max(0, sizeBytes - offset));
  return { bytes: Buffer.concat([...parts, blank]), entries, end };
}

/** The records of one batch that stand together. */
function runFrom(numbered: readonly Numbered[], at: number) {
  const run: { readonly record: LogRecord; readonly isOpen: boolean }[] = [];
  for (let end = at; numbered[end]?.batch === numbered[at]!.batch; end++) {
    const { record, isOpen = false } = numbered[end]!;
    if (!record) break;
    run.push({ record, isOpen });
  }
  return run;
}

function replace(
  disk: DiskCalls,
  directory: string,
  path: string,
  bytes: Buffer,
  isWanted: () => boolean,
  done: (failure: Error | undefined, isPlaced: boolean) => void,
): void {
  const draft = `${path}.mended.tmp`;
  // A draft that could not be written is in the way of whoever needs its space.
  const giveUp = (problem: Error | undefined): void =>
    disk.rm(draft, { force: true }, () => done(problem, false));
  disk.open(draft, 'w', (failure, handle) => {
    if (failure) return done(failure, false);
    const finish = (problem: Error | null | undefined): void =>
      disk.close(handle, () => {
        if (problem) return giveUp(problem);
        try {
          if (!isWanted()) return giveUp(undefined);
          disk.renameSync(draft, path);
          syncDirectory(disk, directory);
        } catch (thrown) {
          return giveUp(thrown as Error);
        }
        done(undefined, true);
      });
    writeFully(disk, handle, bytes, 0, (problem) => (problem ? finish(problem) : disk.fsync(handle, finish)));
  });
}

/** The fills for the segments of some gaps: `records` go into the last gap, nothing into the others. */
export function fillsFor(gaps: readonly Gap[], records: readonly LogRecord[]): Map<number, Fill[]> {
  const fills = new Map<number, Fill[]>();
  for (const [i, { sequence, after }] of gaps.entries()) {
    const ofSegment = fills.get(sequence) ?? [];
    fills.set(sequence, ofSegment);
    ofSegment.push({ after, records: i === gaps.length - 1 ? records : [] });
  }
  return fills;
}
