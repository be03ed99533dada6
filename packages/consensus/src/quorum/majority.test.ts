import fc from 'fast-check';
import { expect, test } from 'vitest';
import { majorityOf, majorityReached, majorityVerdict } from './majority.ts';

const values = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 9 });

/** The dumb twin: tries every value there is and counts heads. */
function reachedByCounting(all: readonly number[]): number {
  let best = 0;
  for (const candidate of all) {
    let heads = 0;
    for (const value of all) if (value >= candidate) heads++;
    if (heads * 2 > all.length && candidate > best) best = candidate;
  }
  return best;
}

test('what a majority has reached is what counting heads says', () => {
  fc.assert(
    fc.property(values, (all) => {
      expect(majorityReached(all)).toBe(reachedByCounting(all));
    }),
  );
});

test('the order of the voters does not matter, and the input is left as it was', () => {
  fc.assert(
    fc.property(values, (all) => {
      const before = [...all];
      expect(majorityReached([...all].reverse())).toBe(majorityReached(all));
      expect(all).toEqual(before);
    }),
  );
});

test('two majorities of the same voters always share one of them', () => {
  for (let size = 1; size <= 9; size++) {
    expect(2 * majorityOf(size)).toBeGreaterThan(size);
    expect(2 * (majorityOf(size) - 1)).toBeLessThanOrEqual(size);
  }
});

test('an election is won by more than half, lost once that is out of reach, and open otherwise', () => {
  for (let size = 1; size <= 7; size++) {
    for (let granted = 0; granted <= size; granted++) {
      for (let refused = 0; granted + refused <= size; refused++) {
        const open = size - granted - refused;
        const expected = granted * 2 > size ? 'won' : (granted + open) * 2 <= size ? 'lost' : 'pending';
        expect(majorityVerdict(size, granted, refused)).toBe(expected);
      }
    }
  }
});

test('an even cluster needs one more than half', () => {
  expect(majorityReached([5, 5, 3, 3])).toBe(3);
  expect(majorityVerdict(4, 2, 0)).toBe('pending');
  expect(majorityVerdict(2, 1, 0)).toBe('pending');
});
