import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from './histogram.ts';

const values = fc.array(fc.double({ min: 1e-5, max: 1e12, noNaN: true }), { minLength: 1, maxLength: 200 });
const fraction = fc.double({ min: 0.001, max: 1, noNaN: true });

/** The dumb twin: everything kept, sorted, and looked up. */
function percentileOf(all: readonly number[], at: number): number {
  return all.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(at * all.length)) - 1]!;
}

function histogramOf(all: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of all) histogram.record(value);
  return histogram;
}

test('every percentile is within one per cent of that of the sorted values', () => {
  fc.assert(
    fc.property(values, fraction, (all, at) => {
      const [got, exact] = [histogramOf(all).percentile(at), percentileOf(all, at)];
      expect(Math.abs(got - exact) / exact).toBeLessThan(0.01);
    }),
  );
});

test('histograms of parts, packed and merged, are the histogram of the whole', () => {
  fc.assert(
    fc.property(fc.array(values, { maxLength: 5 }), (parts) => {
      const merged = Histogram.merged(parts.map((part) => histogramOf(part).pack()));
      expect(merged.pack()).toEqual(histogramOf(parts.flat()).pack());
    }),
  );
});

test('the maximum is exact, and an empty histogram has no percentiles', () => {
  expect(histogramOf([3, 7_654_321, 5]).percentile(1)).toBe(7_654_321);
  expect(new Histogram().percentile(0.5)).toBeNaN();
});

test('zero is counted in the lowest bucket instead of being lost', () => {
  const histogram = histogramOf([0, 0, 8]);
  expect(histogram.count).toBe(3);
  expect(histogram.percentile(0.5)).toBeLessThan(1e-5);
});
