import { lastOf } from '@tutti/kernel';
import type { EntryIndex } from './entry-index.ts';
import { hasHeader, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts';
import type { SegmentScan } from './segment-scan.ts';

/** A stretch of a segment whose records are gone. */
export interface DamagedStretch {
  /** How many whole records the segment has before it. */
  readonly after: number;
  readonly offset: number;
  /** The entries that stood there and still count, lowest first: they stand nowhere else on the disk. */
  readonly entries: readonly number[];
}

/** A segment as it was read, as far as it had been flushed when that began. */
export interface ReadSegment {
  readonly bytes: Buffer;
  readonly end: number;
  readonly scan: SegmentScan;
}

/** What is damaged of what was flushed in a segment. */
export interface SegmentDamage {
  /** Of the first byte that is not as it was, as far as that can be told. */
  readonly offset: number;
  readonly stretches: readonly DamagedStretch[];
}

/**
 * Looks at all of a segment that is in use. What entries there were, and where, is in memory: so what a gap held is
 * known, which it is not when a log is read back.
 */
export function damageOfSegment(
  { bytes, end, scan: { records } }: ReadSegment,
  segment: Segment,
  index: EntryIndex,
): SegmentDamage | undefined {
  const stretches: (DamagedStretch & { readonly to: number; readonly entries: number[] })[] = [];
  let reached = SEGMENT_HEADER_BYTES;
  const lookAt = (after: number, to: number): void => {
    if (reached < to) stretches.push({ after, offset: reached, to, entries: [] });
  };
  for (const [i, { offset, size }] of records.entries()) {
    lookAt(i, offset);
    reached = offset + size;
  }
  lookAt(records.length, end);
  const isNamed = hasHeader(bytes, segment);
  if (isNamed && stretches.length === 0) return undefined;
  index.eachIn(segment.sequence, (entry, offset) => {
    const stretch = lastOf(stretches, (each) => each.offset <= offset);
    if (stretch && offset < stretch.to) stretch.entries.push(entry);
  });
  return { offset: isNamed ? stretches[0]!.offset : 0, stretches };
}
