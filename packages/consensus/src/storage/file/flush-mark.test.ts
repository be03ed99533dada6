import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FLUSH_MARK_AT, flushMark, flushMarkIn } from './flush-mark.ts';

const headerWith = (mark: Buffer): Buffer => {
  const header = Buffer.alloc(64);
  mark.copy(header, FLUSH_MARK_AT);
  return header;
};

test('a note of what was flushed is believed whole, in the segment it was written for, and not otherwise', () => {
  const batches = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const sequences = fc.integer({ min: 1, max: 2 ** 31 });
  fc.assert(
    fc.property(batches, sequences, fc.integer({ min: 0, max: 95 }), (batch, sequence, bit) => {
      const header = headerWith(flushMark(sequence, batch));
      expect(flushMarkIn(header, sequence)).toBe(batch);
      expect(flushMarkIn(header, sequence + 1)).toBeUndefined();
      header[FLUSH_MARK_AT + (bit >> 3)]! ^= 1 << (bit & 7);
      expect(flushMarkIn(header, sequence)).toBeUndefined();
    }),
  );
  expect(flushMarkIn(Buffer.alloc(64), 1)).toBe(0);
  expect(flushMarkIn(Buffer.alloc(10), 1)).toBe(0);
});
