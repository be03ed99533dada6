import { type NodeId, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { suiteEntry } from './log-store-suite.ts';
import { BatchEncoder, recordAt, recordSize } from './record.ts';

const entry = suiteEntry(5, 3);

function encoded(segment: number, offset: number): Uint8Array {
  const encoder = new BatchEncoder(recordSize(entry.data.length), segment, offset, 9, 77);
  encoder.entry(entry, true);
  expect(encoder.isComplete).toBe(true);
  return encoder.bytes;
}

test('a record is read back as it was written', () => {
  const found = recordAt(encoded(2, 640), 0, 2, 640);
  expect(found).toMatchObject({ record: { type: 'entry', entry }, batch: 9, previousChecksum: 77 });
  const encoder = new BatchEncoder(recordSize(2), 1, 64, 1, 0);
  const hardState = { term: term(4), votedFor: 'n1' as NodeId };
  encoder.hardState(hardState, true);
  expect(recordAt(encoder.bytes, 0, 1, 64)).toMatchObject({ record: { type: 'hardState', hardState } });
});

test('a whole record at another place, or in another segment, is damage', () => {
  const bytes = encoded(2, 640);
  expect(recordAt(bytes, 0, 2, 648)).toBe('damaged');
  expect(recordAt(bytes, 0, 3, 640)).toBe('damaged');
});

test('zeros are blank, and a cut record is damage', () => {
  expect(recordAt(new Uint8Array(100), 0, 1, 64)).toBe('blank');
  expect(recordAt(new Uint8Array(8), 0, 1, 64)).toBe('blank');
  expect(recordAt(encoded(2, 640).subarray(0, 50), 0, 2, 640)).toBe('damaged');
});
