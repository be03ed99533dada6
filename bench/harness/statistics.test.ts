import { expect, test } from 'vitest';
import { logLogSlope, median, medianInterval, ratioInterval, slopeOf, spread } from './statistics.ts';

test('the median of an odd number is the middle one, of an even number the mean of two', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 7])).toBe(6);
  expect(median([])).toBeNaN();
});

test('the spread is the range as a fraction of the median', () => {
  expect(spread([8, 10, 12])).toBe(0.4);
});

test('an interval holds the median, lies within the samples, and is the same each time', () => {
  const samples = [10, 11, 12, 13, 40];
  const interval = medianInterval(samples);
  expect(interval.low).toBeGreaterThanOrEqual(10);
  expect(interval.low).toBeLessThanOrEqual(12);
  expect(interval.high).toBeGreaterThanOrEqual(12);
  expect(interval.high).toBeLessThanOrEqual(40);
  expect(medianInterval(samples)).toEqual(interval);
});

test('below six samples an interval is their range, and from six on it leaves the ends out', () => {
  expect(medianInterval([10, 11, 12, 13, 40])).toEqual({ low: 10, high: 40 });
  const many = Array.from({ length: 25 }, (_, i) => i);
  expect(medianInterval(many).low).toBeGreaterThan(0);
  expect(medianInterval(many).high).toBeLessThan(24);
});

test('samples that all agree leave no doubt', () => {
  expect(ratioInterval([6, 6, 6], [2, 2, 2])).toEqual({ low: 3, high: 3 });
});

test('ratios of samples that overlap cannot exclude that nothing changed', () => {
  const { low, high } = ratioInterval([9, 10, 12, 11, 8], [10, 9, 11, 8, 12]);
  expect(low).toBeLessThan(1);
  expect(high).toBeGreaterThan(1);
});

test('the slope in logarithms is the power of the cost', () => {
  const points = [10, 100, 1_000].map((x) => ({ x, y: 7 * x ** 2 }));
  expect(logLogSlope(points)).toBeCloseTo(2, 9);
  expect(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBe(2);
});
