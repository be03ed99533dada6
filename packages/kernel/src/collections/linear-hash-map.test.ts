import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LinearHashMap } from './linear-hash-map.ts';

test('answers as a Map does, however often it has been split', () => {
  const step = fc.record({
    /** Runs of keys, so that parts are split and emptied within a few steps. */
    from: fc.nat(8_000),
    count: fc.integer({ min: 1, max: 3_000 }),
    isDeletion: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.boolean(), (steps, areTexts) => {
      const twin = new Map<string | number, number>();
      const map = new LinearHashMap<string | number, number>();
      const keyOf = (n: number) => (areTexts ? `key ${n}` : n);
      for (const { from, count, isDeletion } of steps) {
        for (let n = from; n < from + count; n++) {
          if (isDeletion) expect(map.delete(keyOf(n))).toBe(twin.delete(keyOf(n)));
          else {
            map.set(keyOf(n), n + count);
            twin.set(keyOf(n), n + count);
          }
        }
        expect(map.size).toBe(twin.size);
      }
      for (let n = 0; n < 11_000; n += 7) expect(map.get(keyOf(n))).toBe(twin.get(keyOf(n)));
    }),
    { numRuns: 60 },
  );
});

test('keeps a text and a number that reads the same apart', () => {
  const map = new LinearHashMap<string | number, string>();
  for (let n = 0; n < 5_000; n++) {
    map.set(n, 'number');
    map.set(`${n}`, 'text');
  }
  expect([map.get(4_321), map.get('4321'), map.size]).toEqual(['number', 'text', 10_000]);
});
