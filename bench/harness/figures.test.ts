import { expect, test } from 'vitest';
import type { Measurement } from './case.ts';
import { figureRows } from './figures.ts';
import { Histogram } from './histogram.ts';
import { showQuantity } from './quantity.ts';
import { benchOf, rateOf, resultOf } from './testing/bench-of.ts';

const OURS = resultOf('ours', 'ours', [rateOf(30), rateOf(90), rateOf(60)]);
const PEER = resultOf('peer', 'peer', [rateOf(10), rateOf(30), rateOf(20)]);

test('a figure is the median of its samples, and ours has its ratio to everybody', () => {
  const [row] = figureRows(benchOf(), [OURS, PEER]);
  expect(row!.value).toBe(60);
  expect(row!.ratios.map(({ subject, ratio }) => [subject, ratio])).toEqual([['peer', 3]]);
});

test('percentiles come from the latencies of all samples together, and less is better', () => {
  const sample = (...values: number[]): Measurement => {
    const histogram = new Histogram();
    for (const value of values) histogram.record(value);
    return { figures: {}, histograms: { trip: histogram.pack() }, verified: '' };
  };
  const bench = benchOf({
    figures: [
      { id: 'max', title: 'longest', unit: 'us', better: 'lower', percentile: { of: 'trip', at: 1 } },
    ],
    targets: [{ level: 'floor', figure: 'max', value: 50 }],
  });
  const rows = figureRows(bench, [resultOf('ours', 'ours', [sample(1, 2), sample(100), sample(3)])]);
  expect(rows[0]!.value).toBe(100);
  expect(rows[0]!.verdicts[0]!.met).toBe(false);
});

test('who keeps no histogram may give a percentile as a plain figure', () => {
  const bench = benchOf({
    figures: [{ id: 'p50', title: 'p50', unit: 'us', better: 'lower', percentile: { of: 'trip', at: 0.5 } }],
  });
  const rows = figureRows(bench, [resultOf('peer', 'peer', [{ figures: { p50: 80 }, verified: '' }])]);
  expect(rows[0]!.value).toBe(80);
});

test('quantities read in the unit that suits them', () => {
  expect(showQuantity(12_345_678, 'msg/s')).toBe('12.3 M msg/s');
  expect(showQuantity(0.5, 'ms')).toBe('500 us');
  expect(showQuantity(612, 'bytes')).toBe('612 B');
  expect(showQuantity(0, 'tasks')).toBe('0 tasks');
});
