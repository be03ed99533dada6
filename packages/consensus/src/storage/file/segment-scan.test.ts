import { expect, test } from 'vitest';
import { suiteEntry } from '../log-store-suite.ts';
import { BatchEncoder, recordSize } from '../record.ts';
import { SLICE_BYTES } from './in-slices.ts';
import { SEGMENT_HEADER_BYTES } from './segment.ts';
import { type SegmentScan, scanning } from './segment-scan.ts';

const SEGMENT_BYTES = 2 * SLICE_BYTES;
const PAYLOAD_BYTES = 16_000;
const DAMAGED_AT = SEGMENT_HEADER_BYTES + 41;

/** A segment with an entry that `fill` makes, in which one bit has turned, and a whole entry behind it. */
function segmentWith(fill: (data: DataView) => void): Uint8Array {
  const segment = new Uint8Array(SEGMENT_BYTES);
  const data = new Uint8Array(PAYLOAD_BYTES);
  fill(new DataView(data.buffer));
  let offset = SEGMENT_HEADER_BYTES;
  let checksum = 0;
  for (const [i, entry] of [{ ...suiteEntry(1, 1), data }, suiteEntry(2, 1)].entries()) {
    const encoder = new BatchEncoder(recordSize(entry.data.length), 1, offset, i + 1, checksum);
    encoder.entry(entry, true);
    segment.set(encoder.bytes, offset);
    ({ offset, checksum } = encoder);
  }
  segment[DAMAGED_AT]! ^= 1;
  return segment;
}

/** What is found, and how often the loop may go on meanwhile: once for each slice that was gone through. */
function scanned(bytes: Uint8Array): { found: SegmentScan; pauses: number } {
  const work = scanning(bytes, 1);
  for (let pauses = 0; ; pauses++) {
    const step = work.next();
    if (step.done) return { found: step.value, pauses };
  }
}

test('numbers in what is damaged are not taken for the lengths of records', () => {
  const bytes = segmentWith((data) => {
    for (let at = 0; at < PAYLOAD_BYTES; at += 8) {
      data.setUint32(at, SEGMENT_BYTES / 2 + at, true);
      data.setUint32(at + 4, 1 + ((at / 8) % 4), true);
    }
  });
  const { found, pauses } = scanned(bytes);
  expect(found.records.map(({ batch }) => batch)).toEqual([2]);
  expect(pauses).toBeLessThanOrEqual(SEGMENT_BYTES / SLICE_BYTES);
});

test('what is made to look like records costs time, and the loop goes on meanwhile', () => {
  let made = 0;
  const bytes = segmentWith((data) => {
    for (let at = 8; at + 40 <= PAYLOAD_BYTES; at += 40 * 8) {
      data.setUint32(at, SEGMENT_BYTES / 2, true);
      data.setUint8(at + 12, 1);
      made++;
    }
  });
  const { found, pauses } = scanned(bytes);
  expect(found.records.map(({ batch }) => batch)).toEqual([2]);
  expect(pauses).toBeGreaterThanOrEqual((made * SEGMENT_BYTES) / 2 / SLICE_BYTES - 1);
});
