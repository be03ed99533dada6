import { join } from 'node:path';
import { BatchEncoder, type LogRecord, sizeOf } from '../record.ts';
import type { DiskCalls } from './disk-calls.ts';
import { FLUSH_MARK_AT, flushMarkBytes } from './flush-mark.ts';
import type { Gap } from './lost-entries.ts';
import { syncDirectory } from './meta-file.ts';
import { SEGMENT_HEADER_BYTES, type Segment, segmentHeader, segmentName, writeFully } from './segment.ts';
import { outlineOf, scanSegment } from './segment-scan.ts';

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
  /** Asked when everything is written, just before it takes its place. Default that it still is. */
  readonly isWanted?: () => boolean;
}

const PADDING: LogRecord = { type: 'padding' };
/** Cannot be taken for a record, nor for the zeros after the last. */
const DAMAGED = new Uint8Array(8).fill(0xff);

/**
 * Writes a damaged segment anew beside the old one, with its gaps closed, and puts it in its place by a rename: a crash
 * leaves either of them. A gap that nothing is put into stays one. The whole records keep the numbers of their
 * batches; numbers that nothing is left of get a record that says nothing, so that the log has no gap between this
 * segment and the next. What the header says of flushes stays as it is, so that damage is not taken for a torn write. Calls back with what the segment holds now, in the turn in which it takes its place; with
 * nothing if it was not wanted any more.
 */
export function rewriteSegment(
  disk: DiskCalls,
  directory: string,
  rewrite: SegmentRewrite,
  done: (failure: Error | undefined, bytes?: Buffer) => void,
): void {
  const { sequence } = rewrite;
  const path = join(directory, segmentName(sequence));
  let bytes: Buffer;
  try {
    const before = disk.existsSync(path) ? disk.readFileSync(path) : Buffer.alloc(0);
    bytes = encoded(withFills(before, rewrite), sequence, before.length);
    // What it says of flushes holds for the records that it keeps, and for what is still missing.
    flushMarkBytes(before).copy(bytes, FLUSH_MARK_AT);
  } catch (thrown) {
    disk.nextTurn(() => done(thrown as Error));
    return;
  }
  replace(disk, directory, path, bytes, rewrite.isWanted ?? (() => true), done);
}

/** Whether a segment still has the records that it had when the log was read. */
export function isAsRead(
  disk: DiskCalls,
  directory: string,
  sequence: number,
  outlines: ReadonlyMap<number, string>,
): boolean {
  const path = join(directory, segmentName(sequence));
  const bytes = disk.existsSync(path) ? disk.readFileSync(path) : Buffer.alloc(0);
  return outlineOf(scanSegment(bytes, sequence).records) === (outlines.get(sequence) ?? '');
}

function withFills(bytes: Buffer, { sequence, fills, segments }: SegmentRewrite): readonly Numbered[] {
  const range = numbersOf(sequence, segments);
  const { records, remainsFrom } = scanSegment(bytes, sequence);
  const own = records.filter(({ batch }) => batch >= range.first && batch <= range.last);
  const fillAt = (at: number) => fills.find(({ after }) => after === at);
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

function encoded(numbered: readonly Numbered[], sequence: number, sizeBytes: number): Buffer {
  const parts: Uint8Array[] = [segmentHeader(sequence)];
  let offset = SEGMENT_HEADER_BYTES;
  let checksum = 0;
  for (let at = 0; at < numbered.length; ) {
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
    for (const [i, { record, isOpen }] of run.entries())
      encoder.record(record, i === run.length - 1 && !isOpen);
    at += run.length;
    parts.push(encoder.bytes);
    ({ offset, checksum } = encoder);
  }
  const blank = Buffer.alloc(Math.max(0, sizeBytes - offset));
  return Buffer.concat([...parts, blank]);
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
  done: (failure: Error | undefined, bytes?: Buffer) => void,
): void {
  const draft = `${path}.mended.tmp`;
  // A draft that could not be written is in the way of whoever needs its space.
  const giveUp = (problem: Error | undefined): void => disk.rm(draft, { force: true }, () => done(problem));
  disk.open(draft, 'w', (failure, handle) => {
    if (failure) return done(failure);
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
        done(undefined, bytes);
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
