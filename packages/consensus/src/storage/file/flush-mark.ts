import { crc32c } from '../crc32c.ts';

/**
 * In the header of a segment: the number of a batch up to which the log had been flushed when this was written. It says
 * of the newest batch what a later one says of all before it: that it was there, and that its loss is damage and not
 * what a crash left of a write.
 *
 *   24 batch f64 | 32 CRC-32C of those eight bytes, begun with the segment's sequence, u32
 */
export const FLUSH_MARK_AT = 24;
const BATCH_BYTES = 8;
export const FLUSH_MARK_BYTES = BATCH_BYTES + 4;

export function flushMark(sequence: number, batch: number): Buffer {
  const mark = Buffer.alloc(FLUSH_MARK_BYTES);
  mark.writeDoubleLE(batch, 0);
  mark.writeUInt32LE(crc32c(mark, sequence, 0, BATCH_BYTES), BATCH_BYTES);
  return mark;
}

/** The batch that a segment's header says was flushed; 0 where it says nothing, or cannot be believed. */
export function flushMarkIn(bytes: Uint8Array, sequence: number): number {
  if (bytes.length < FLUSH_MARK_AT + FLUSH_MARK_BYTES) return 0;
  const mark = Buffer.from(bytes.buffer, bytes.byteOffset + FLUSH_MARK_AT, FLUSH_MARK_BYTES);
  const batch = mark.readDoubleLE(0);
  return Number.isSafeInteger(batch) && flushMark(sequence, batch).equals(mark) ? batch : 0;
}
