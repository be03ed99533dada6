import { expect, test } from 'vitest';
import { peersAhead } from './peers-ahead.ts';
import { caseResult } from './results.ts';
import { limitOf } from './say.ts';
import { summaryText } from './table.ts';
import { benchOf } from './testing/bench-of.ts';

const figures = [
  { id: 'rate', title: 'the rate', unit: 'msg/s', better: 'higher' },
  { id: 'p50', title: 'the wait', unit: 'ms', better: 'lower' },
] as const;
const subject = (id: string, kind: 'ours' | 'peer', rates: number[], waits: number[]) => ({
  id,
  kind,
  title: id,
  configuration: '',
  failures: [],
  samples: rates.map((rate, i) => ({ figures: { rate, p50: waits[i]! }, verified: '' })),
});
const resultOf = (rates: number[], waits: number[]) =>
  caseResult(benchOf({ figures, targets: [{ level: 'floor', figure: 'rate', value: 200 }] }), {}, [
    subject('ours', 'ours', [100, 101, 102], [2, 2, 2]),
    subject('them', 'peer', rates, waits),
  ]);

test('who is ahead is said with both numbers, in either direction of better', () => {
  expect(peersAhead(resultOf([200, 202, 204], [1, 1, 1])).map(({ text }) => text)).toEqual([
    'X1 the rate: them is 2x ahead (202 msg/s against 101 msg/s of ours)',
    'X1 the wait: them is 2x ahead (1 ms against 2 ms of ours)',
  ]);
});

test('what chance could do is not said', () => {
  expect(peersAhead(resultOf([90, 103, 120], [1, 2, 3]))).toEqual([]);
});

test('two samples of a peer do not put it ahead', () => {
  expect(peersAhead(resultOf([200, 202], [1, 1]))).toEqual([]);
});

test('the summary names lines that are not met and who is ahead', () => {
  const text = summaryText([resultOf([200, 202, 204], [3, 3, 3])], false);
  expect(text).toContain('floors met: 0 of 1; not met: X1.rate 200 msg/s');
  expect(text).toContain('others are ahead: X1 the rate: them is 2x ahead');
});

test('the arithmetic of a limit is said only where a line is not met, with numbers of the run', () => {
  const bench = benchOf({
    targets: [{ level: 'floor', figure: 'rate', value: 200 }],
    limits: [limitOf('rate', { own: ['ours', 'rate'] }, ({ own }) => `${own} is all there is`)],
  });
  const of = (rate: number) =>
    caseResult(bench, {}, [subject('ours', 'ours', [rate], [1])]).explanations.map(({ text }) => text);
  expect(of(100)).toEqual(['100 is all there is']);
  expect(of(300)).toEqual([]);
});

test('a number that is missing says nothing, and a line without arithmetic says why it has none', () => {
  const bench = benchOf({
    targets: [{ level: 'floor', figure: 'rate', value: 200, noLimit: 'what is lost is lost' }],
    limits: [limitOf('rate', { gone: ['peer', 'rate'] }, ({ gone }) => `${gone} of the peer`)],
  });
  const { explanations } = caseResult(bench, {}, [subject('ours', 'ours', [100], [1])]);
  expect(explanations).toEqual([{ figure: 'rate', text: 'what is lost is lost' }]);
});
