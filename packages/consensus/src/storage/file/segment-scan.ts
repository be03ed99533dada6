import { dataLengthAt, type FoundRecord, isBlank, RECORD_HEADER_BYTES, recordAt } from '../record.ts';
import { atOnce, SLICE_BYTES } from './in-slices.ts';
import { SEGMENT_HEADER_BYTES } from './segment.ts';

/** A whole record of a segment, and whether it follows the one before it without anything damaged between. */
export interface ScannedRecord extends FoundRecord {
  readonly offset: number;
  readonly follows: boolean;
}

/** Every whole record of a segment. */
export interface SegmentScan {
  readonly records: readonly ScannedRecord[];
  /** Where something stands after the last whole record that is none; undefined where only zeros do. */
  readonly remainsFrom: number | undefined;
}

/**
 * Finds the whole records of a segment, also those behind damage. A record that stands directly after another and does
 * not carry its checksum does not belong there (a misdirected write, or what an earlier use left): it is taken for
 * damage, and so is one of an earlier batch.
 */
export function scanSegment(bytes: Uint8Array, sequence: number): SegmentScan {
  return atOnce(scanning(bytes, sequence));
}

/** {@link scanSegment}, with a pause for each slice of bytes that was gone through, some of them more than once. */
export function* scanning(bytes: Uint8Array, sequence: number): Generator<void, SegmentScan> {
  let read = 0;
  const records: ScannedRecord[] = [];
  let offset = SEGMENT_HEADER_BYTES;
  let checksum = 0;
  let batch = 0;
  let remainsFrom: number | undefined;
  while (offset < bytes.length) {
    if (read >= SLICE_BYTES) {
      read = 0;
      yield;
    }
    const follows = remainsFrom === undefined;
    read += RECORD_HEADER_BYTES + (dataLengthAt(bytes, offset) ?? 0);
    const found = recordAt(bytes, offset, sequence, offset);
    if (
      typeof found !== 'string' &&
      found.batch >= batch &&
      (!follows || found.previousChecksum === checksum)
    ) {
      records.push({ ...found, offset, follows });
      ({ batch, checksum } = found);
      offset += found.size;
      remainsFrom = undefined;
      continue;
    }
    if (follows && isBlank(bytes, offset, bytes.length)) break;
    remainsFrom ??= offset;
    const from = offset;
    offset = nextCandidate(bytes, from + 8);
    read += offset - from;
  }
  return { records, remainsFrom };
}

/** Where the whole records of a segment stand: equal for two readings of it if nothing was damaged in between. */
export const outlineOf = (records: readonly ScannedRecord[]): string =>
  records.map(({ offset }) => offset).join();

/** The next place where a record could begin. */
function nextCandidate(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && dataLengthAt(bytes, at) === undefined) at += 8;
  return at;
}
