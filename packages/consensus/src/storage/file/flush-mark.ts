import { crc32c } from '../crc32c.ts';
import { isBlank } from '../record.ts';

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

/**
 * The batch that a segment's header says was flushed; 0 where it says nothing; undefined where it says something that
 * cannot be believed: there was a mark, and nobody knows of which batch.
 */
export function flushMarkIn(bytes: Uint8Array, sequence: number): number | undefined {
  const mark = flushMarkBytes(bytes);
  const batch = mark.readDoubleLE(0);
  if (Number.isSafeInteger(batch) && flushMark(sequence, batch).equals(mark)) return batch;
  return isBlank(mark, 0, FLUSH_MARK_BYTES) ? 0 : undefined;
}

/** What stands in the place of the mark, whether it can be believed or not; zeros where there is no such place. */
export function flushMarkBytes(bytes: Uint8Array): Buffer {
  const mark = Buffer.alloc(FLUSH_MARK_BYTES);
  mark.set(bytes.subarray(FLUSH_MARK_AT, FLUSH_MARK_AT + FLUSH_MARK_BYTES));
  return mark;
}
