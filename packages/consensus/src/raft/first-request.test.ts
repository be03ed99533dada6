import { seededRandom } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstRequestOf } from './first-request.ts';

test('lives with one seed number their first million requests apart, in whole numbers', () => {
  const life = fc.integer({ min: Date.UTC(2026), max: Date.UTC(2026) + 2 ** 32 - 1 });
  fc.assert(
    fc.property(fc.nat(), life, life, (seed, one, other) => {
      const [first, second] = [one, other].map((life) => firstRequestOf(seededRandom(seed), life));
      expect(Number.isSafeInteger(first! + 2 ** 20) && first! >= 0).toBe(true);
      if (one !== other) expect(Math.abs(first! - second!)).toBeGreaterThanOrEqual(2 ** 20);
    }),
  );
});
