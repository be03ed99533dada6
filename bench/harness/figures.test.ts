import { expect, test } from 'vitest';
import type { BenchCase, Measurement } from './case.ts';
import { figureRows, showQuantity } from './figures.ts';
import { Histogram } from './histogram.ts';
import type { SubjectResult } from './subject-result.ts';
import { benchOf, rateOf } from './testing/bench-of.ts';

function resultOf(id: string, kind: SubjectResult['kind'], samples: readonly Measurement[]): SubjectResult {
  return { id, kind, title: `The ${id}`, configuration: '', failures: [], samples };
}

function verdictsOf(bench: BenchCase, ...subjects: SubjectResult[]) {
  return figureRows(bench, subjects).flatMap(({ verdicts }) =>
    verdicts.map(({ asked, got, met }) => ({ asked, got, met })),
  );
}

const OURS = resultOf('ours', 'ours', [rateOf(30), rateOf(90), rateOf(60)]);
const PEER = resultOf('peer', 'peer', [rateOf(10), rateOf(30), rateOf(20)]);

test('a figure is the median of its samples, and ours has its ratio to everybody', () => {
  const [row] = figureRows(benchOf(), [OURS, PEER]);
  expect(row!.value).toBe(60);
  expect(row!.ratios.map(({ subject, ratio }) => [subject, ratio])).toEqual([['peer', 3]]);
});

test('floors and aims are judged as ratios, from above where more is better', () => {
  const against = { subject: 'peer' };
  const targets = [
    { level: 'floor', figure: 'rate', value: 3, against },
    { level: 'aim', figure: 'rate', value: 3.1, against },
    { level: 'floor', figure: 'rate', value: 61 },
  ] as const;
  expect(verdictsOf(benchOf({ targets }), OURS, PEER)).toEqual([
    { asked: '3x peer', got: 3, met: true },
    { asked: '3.1x peer', got: 3, met: false },
    { asked: '61 msg/s', got: 60, met: false },
  ]);
});

test('without the other side there is no verdict', () => {
  const targets = [{ level: 'floor', figure: 'rate', value: 1, against: { subject: 'peer' } }] as const;
  expect(verdictsOf(benchOf({ targets }), OURS)).toEqual([
    { asked: '1x peer', got: undefined, met: undefined },
  ]);
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

test('a line that lies within the interval is in doubt, whichever way it fell', () => {
  const targets = [
    { level: 'floor', figure: 'rate', value: 59 },
    { level: 'floor', figure: 'rate', value: 29 },
  ] as const;
  const [row] = figureRows(benchOf({ targets }), [OURS]);
  expect(row!.verdicts.map(({ met, isInDoubt }) => [met, isInDoubt])).toEqual([
    [true, true],
    [true, undefined],
  ]);
});

test('a subject of ours that failed leaves its lines open, with the reason, instead of taking them away', () => {
  const targets = [{ level: 'floor', figure: 'rate', value: 1 }] as const;
  const failed = { ...resultOf('ours', 'ours', []), failures: ['it fell over'] };
  const rows = figureRows(benchOf({ targets }), [failed, PEER]);
  expect(rows.find(({ subject }) => subject === 'ours')!.verdicts).toMatchObject([
    { asked: '1 msg/s', met: undefined, why: 'ours failed' },
  ]);
});

test('why there is nobody to compare with is said: not here, failed, or not reached', () => {
  const targets = [{ level: 'floor', figure: 'rate', value: 1, against: { subject: 'peer' } }] as const;
  const why = (...others: SubjectResult[]) =>
    figureRows(benchOf({ targets }), [OURS, ...others])[0]!.verdicts[0]!.why;
  const nobody = resultOf('peer', 'peer', []);
  expect(why()).toBe('peer was not measured');
  expect(why({ ...nobody, skipped: 'no program etcd' })).toBe('peer was skipped: no program etcd');
  expect(why({ ...nobody, failures: ['x'] })).toBe('peer failed');
});
