import { type Random, seededRandom } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { pairedTest, survivors } from './paired-test.ts';

/** Five differences whose t is as asked: with mean m and deviation d it is m / (d / sqrt 5). */
const differencesWith = (t: number) => [-2, -1, 0, 1, 2].map((each) => each + t * Math.sqrt(2.5 / 5));

test('the test says what the tables of Student’s distribution say', () => {
  expect(pairedTest(differencesWith(2.776))).toBeCloseTo(0.05, 4);
  expect(pairedTest(differencesWith(-8.61))).toBeCloseTo(0.001, 5);
  // Other degrees of freedom: 1, 2 and 9 at 5 %.
  expect(pairedTest([11.706, 13.706])).toBeCloseTo(0.05, 4);
  expect(pairedTest([-1, 0, 1].map((each) => each + 4.303 / Math.sqrt(3)))).toBeCloseTo(0.05, 4);
  const ten = Array.from({ length: 10 }, (_, i) => i - 4.5);
  const error = Math.sqrt(ten.reduce((sum, each) => sum + each ** 2, 0) / 9 / 10);
  expect(pairedTest(ten.map((each) => each + 2.2622 * error))).toBeCloseTo(0.05, 4);
});

test('no difference is no evidence, and the same difference each time is all there can be', () => {
  expect(pairedTest([0, 0, 0, 0, 0])).toBe(1);
  expect(pairedTest([3])).toBe(1);
  expect(pairedTest([2, 2, 2, 2, 2])).toBeCloseTo(0, 9);
});

test('of many tests only those survive that chance would not give among so many', () => {
  expect(survivors([0.02], 0.05)).toEqual([true]);
  expect(survivors([0.02, 0.3, 0.9], 0.05)).toEqual([false, false, false]);
  expect(survivors([0.9, 0.001, 0.02], 0.05)).toEqual([false, true, true]);
  expect(survivors([], 0.05)).toEqual([]);
});

/** What a benchmark gives: noise in proportion, now and then a stall. */
function noise(random: Random): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
  return 0.05 * normal + (random.chance(0.1) ? random.exponential(0.5) : 0);
}

test('of equal distributions few are called different, and of comparisons of many figures few name even one', () => {
  const random = seededRandom(6);
  const COMPARISONS = 600;
  const FIGURES = 40;
  for (const rounds of [5, 10]) {
    let below = 0;
    let withFalseMove = 0;
    for (let i = 0; i < COMPARISONS; i++) {
      const probabilities = Array.from({ length: FIGURES }, () =>
        pairedTest(Array.from({ length: rounds }, () => noise(random) - noise(random))),
      );
      below += probabilities.filter((each) => each < 0.05).length;
      if (survivors(probabilities, 0.05).includes(true)) withFalseMove++;
    }
    expect(below / (COMPARISONS * FIGURES), `single figures, ${rounds} rounds`).toBeLessThan(0.055);
    // One in twenty, and three standard deviations of so many trials.
    expect(withFalseMove / COMPARISONS, `comparisons, ${rounds} rounds`).toBeLessThan(0.05 + 0.027);
  }
});
