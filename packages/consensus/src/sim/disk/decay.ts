import type { Random } from '@tutti/kernel';
import { FILE_MARK_BYTES } from '../../storage/file/file-mark.ts';
import { OWNER_MARK_AT, OWNER_MARK_BYTES } from '../../storage/file/file-owner.ts';
import {
  FLUSH_MARK_AT,
  FLUSH_MARK_BYTES,
  flushMarkBytes,
  flushMarkIn,
} from '../../storage/file/flush-mark.ts';
import { readMetaCopy } from '../../storage/file/meta-file.ts';
import { SEGMENT_HEADER_BYTES } from '../../storage/file/segment.ts';
import { type ScannedRecord, scanSegment } from '../../storage/file/segment-scan.ts';
import { isBlank } from '../../storage/record.ts';
import type { SimDrive, SimFile } from './sim-drive.ts';

/** A stretch of a file whose loss a store can notice. */
interface Stretch {
  readonly file: SimFile;
  readonly from: number;
  readonly to: number;
}

/**
 * Batches at the end of the log that decay leaves alone, unless the drive holds a mark that says they were flushed. If
 * the newest one that was flushed cannot be read, and there is no mark, a store takes it for what a crash left of a
 * write; the one before may be the newest that was flushed.
 */
const SPARED_BATCHES = 2;
/** Where a segment says what it is, and whose. */
const NAMES_IN_SEGMENTS = [
  { from: 0, to: FILE_MARK_BYTES },
  { from: OWNER_MARK_AT, to: OWNER_MARK_AT + OWNER_MARK_BYTES },
];
const SEGMENT = /segment-(\d+)\.log$/;
const META = /meta(\.copy)?\.json$/;

/**
 * Damages what a drive holds: a bit turns, or a record that is whole ends up in another's place.
 * @returns which of the two; undefined if there is nothing to damage
 */
export function decay(drive: SimDrive, random: Random): 'turned bit' | 'misdirected write' | undefined {
  if (random.chance(0.5)) drive.writeBack();
  const { stretches, records } = noticeable(drive);
  if (stretches.length === 0) return undefined;
  const { file, from, to } = random.pick(stretches);
  const at = random.integer(from, to - 1);
  const stray = random.chance(0.5) && records.length > 0 ? random.pick(records) : undefined;
  if (stray) file.replace(at - (at % 8), stray.subarray(0, to - at));
  else file.rot(at, random.integer(0, 7));
  return stray ? 'misdirected write' : 'turned bit';
}

/** A bit turns in what says what a file is or whose: a mark of a segment, or one of the copies of the owner's name. */
export function decayOfNames(drive: SimDrive, random: Random): boolean {
  const paths = drive.paths();
  const marked = paths.filter((path) => SEGMENT.test(path));
  const copies = paths.filter((path) => META.test(path));
  const sound = copies.filter((path) => readMetaCopy(Buffer.from(drive.file(path)!.contents())));
  // Nothing says whose a directory is when both copies have rotted: a start between puts the first right.
  const stretches = [
    ...marked.flatMap((path) => NAMES_IN_SEGMENTS.map((place) => ({ file: drive.file(path)!, ...place }))),
    ...(sound.length === 2 ? sound : []).map((path) => ({
      file: drive.file(path)!,
      from: 0,
      to: drive.file(path)!.size,
    })),
  ];
  if (stretches.length === 0) return false;
  const { file, from, to } = random.pick(stretches);
  file.rot(random.integer(from, to - 1), random.integer(0, 7));
  return true;
}

/** A bit turns in what says how far a log was flushed. */
export function decayOfNote(drive: SimDrive, random: Random): boolean {
  const files = drive
    .paths()
    .filter((path) => SEGMENT.test(path))
    .map((path) => drive.file(path)!);
  const noted = files.filter((file) => !isBlank(flushMarkBytes(file.contents()), 0, FLUSH_MARK_BYTES));
  if (noted.length === 0) return false;
  random.pick(noted).rot(FLUSH_MARK_AT + random.integer(0, FLUSH_MARK_BYTES - 1), random.integer(0, 7));
  return true;
}

/** The segments of a log, and the whole records in each. */
interface ReadLog {
  readonly file: SimFile;
  readonly sequence: number;
  readonly found: readonly ScannedRecord[];
}

/** The newest batch that is known to have been flushed by what would outlast the power. */
function markedBatch(logs: readonly ReadLog[]): number {
  const marks = logs.map(({ file, sequence }) => flushMarkIn(file.platter, sequence));
  // Where the mark beside the newest batch has decayed, nothing is taken for a torn write.
  const newest = logs.findLastIndex(({ found }) => found.length > 0);
  return newest >= 0 && marks[newest] === undefined
    ? Infinity
    : Math.max(0, ...marks.map((mark) => mark ?? 0));
}

function noticeable(drive: SimDrive): { stretches: Stretch[]; records: Uint8Array[] } {
  const stretches: Stretch[] = [];
  const records: Uint8Array[] = [];
  const logs: ReadLog[] = [];
  for (const path of drive.paths()) {
    const file = drive.file(path)!;
    if (path.endsWith('.snap')) stretches.push({ file, from: 0, to: file.size });
    const sequence = SEGMENT.exec(path)?.[1];
    if (sequence === undefined) continue;
    const bytes = file.contents();
    const found = scanSegment(bytes, Number(sequence)).records;
    logs.push({ file, sequence: Number(sequence), found });
    for (const { offset, size } of found) records.push(bytes.subarray(offset, offset + size));
  }
  const batches = [...new Set(logs.flatMap(({ found }) => found.map(({ batch }) => batch)))];
  const spared = Math.max(batches.at(-SPARED_BATCHES) ?? 0, markedBatch(logs) + 1);
  for (const { file, found } of logs) {
    const last = found.findLast(({ batch }) => batch < spared);
    if (last) stretches.push({ file, from: SEGMENT_HEADER_BYTES, to: last.offset + last.size });
  }
  return { stretches: stretches.filter(({ from, to }) => to > from), records };
}
