import { VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { PIECE_BYTES, ScrubPace } from './scrub-pace.ts';

const TICK_MS = 50;

/** Bytes that are read in so many seconds, where something is written at every moment or at none. */
function readIn(
  seconds: number,
  isWriting: boolean,
  config: Partial<ConstructorParameters<typeof ScrubPace>[1]>,
  recordBytes = 0,
) {
  const readBytes = Math.max(PIECE_BYTES, recordBytes);
  const clock = new VirtualClock();
  const pace = new ScrubPace(clock, {
    scrubBytesPerSecond: 4 * PIECE_BYTES,
    scrubBytesPerSecondMin: PIECE_BYTES,
    scrubEveryMs: 0,
    ...config,
  });
  let bytes = 0;
  for (let ms = 0; ms < seconds * 1_000; ms += TICK_MS) {
    clock.advance(TICK_MS);
    const turn = pace.tick();
    if (turn === 'later' || (turn === 'when idle' && isWriting)) continue;
    pace.read(readBytes, turn === 'now');
    bytes += readBytes;
  }
  return bytes;
}

test('a store that is written to at every moment is read at the lowest rate, and any other at the whole', () => {
  expect(readIn(10, true, {})).toBe(10 * PIECE_BYTES);
  expect(readIn(10, false, {})).toBe(40 * PIECE_BYTES);
});

test('records that are larger than what is read at once are read at the same rates', () => {
  expect(readIn(40, true, {}, 4 * PIECE_BYTES)).toBe(40 * PIECE_BYTES);
  expect(readIn(40, false, {}, 4 * PIECE_BYTES)).toBe(160 * PIECE_BYTES);
});

test('the lowest rate is none where writes are to come first, and never above the whole', () => {
  expect(readIn(10, true, { scrubBytesPerSecondMin: 0 })).toBe(0);
  expect(readIn(10, true, { scrubBytesPerSecondMin: 8 * PIECE_BYTES })).toBe(40 * PIECE_BYTES);
  expect(readIn(10, true, { scrubBytesPerSecond: 0 })).toBe(0);
});

test('what is read while nothing is written delays nothing that is to be read beside writes', () => {
  const clock = new VirtualClock();
  const pace = new ScrubPace(clock, {
    scrubBytesPerSecond: 2 ** 30,
    scrubBytesPerSecondMin: PIECE_BYTES,
    scrubEveryMs: 0,
  });
  clock.advance(500);
  pace.tick();
  for (let i = 0; i < 100; i++) pace.read(PIECE_BYTES, false);
  clock.advance(950);
  expect(pace.tick()).not.toBe('now');
  clock.advance(TICK_MS);
  expect(pace.tick()).toBe('now');
});
