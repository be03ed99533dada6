import { expect, test } from 'vitest';
import type { BenchCase } from './case.ts';
import { figureRows } from './figures.ts';
import type { SubjectResult } from './subject-result.ts';
import { benchOf, rateOf, resultOf, subjectOf } from './testing/bench-of.ts';
import type { Verdict } from './verdicts.ts';

function verdictsOf(bench: BenchCase, ...subjects: SubjectResult[]) {
  return figureRows(bench, subjects).flatMap(({ verdicts }) =>
    verdicts.map(({ asked, got, met }) => ({ asked, got, met })),
  );
}

const OURS = resultOf('ours', 'ours', [rateOf(30), rateOf(90), rateOf(60)]);
const PEER = resultOf('peer', 'peer', [rateOf(10), rateOf(30), rateOf(20)]);
const FLOOR = [{ level: 'floor', figure: 'rate', value: 1 }] as const;
const NOTHING = { figures: {}, verified: '' };

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

test('why there is nobody to compare with is said: not here, failed, or not reached', () => {
  const targets = [{ level: 'floor', figure: 'rate', value: 1, against: { subject: 'peer' } }] as const;
  const why = (...others: SubjectResult[]) =>
    figureRows(benchOf({ targets }), [OURS, ...others])[0]!.verdicts[0]!.why;
  const nobody = resultOf('peer', 'peer', []);
  expect(why()).toBe('peer was not measured');
  expect(why({ ...nobody, skipped: 'no program etcd' })).toBe('peer was skipped: no program etcd');
  expect(why({ ...nobody, failures: ['x'] })).toBe('peer failed');
});

test('a sample of ours that failed is a line that is not met, whatever the others gave', () => {
  const failed = { ...OURS, failures: ['3 tasks lost'] };
  const [row] = figureRows(benchOf({ targets: FLOOR }), [failed]);
  expect(row!.verdicts).toMatchObject([{ got: 60, met: false, why: '1 of 4 samples failed' }]);
});

test('a subject of ours that failed each time owes its lines, also beside another of ours that did not', () => {
  const failed = { ...resultOf('other', 'ours', []), failures: ['it fell over'] };
  const bench = benchOf({
    targets: FLOOR,
    subjects: [subjectOf('ours', 'ours'), subjectOf('other', 'ours')],
  });
  const rows = figureRows(bench, [OURS, failed]);
  expect(rows.map(({ subject, samples }) => [subject, samples])).toEqual([
    ['ours', 3],
    ['other', 0],
  ]);
  expect(rows[1]!.verdicts).toEqual([
    { level: 'floor', asked: '1 msg/s', got: undefined, met: false, why: '1 of 1 samples failed' },
  ]);
});

test('a figure that a sample of ours did not give is not met', () => {
  const verdicts = (...samples: Parameters<typeof resultOf>[2]) =>
    figureRows(benchOf({ targets: FLOOR }), [resultOf('ours', 'ours', samples)])[0]!.verdicts;
  expect(verdicts(NOTHING)).toMatchObject([{ met: false, why: '1 of 1 samples gave no such figure' }]);
  expect(verdicts(rateOf(5), NOTHING)).toMatchObject([{ met: false, got: 5 }]);
});

test('a subject owes what it says it gives, and nothing of what was skipped or not reached is judged', () => {
  const other = { ...subjectOf('other', 'ours'), figures: ['bytes'] };
  const bench = benchOf({ targets: FLOOR, subjects: [subjectOf('ours', 'ours'), other] });
  expect(figureRows(bench, [OURS, resultOf('other', 'ours', [NOTHING])])).toHaveLength(1);
  const verdictOf = (subject: SubjectResult): Verdict => figureRows(bench, [subject])[0]!.verdicts[0]!;
  const none = resultOf('ours', 'ours', []);
  expect(verdictOf(none)).toMatchObject({ met: undefined, why: 'ours was not measured' });
  const skipped = { ...none, skipped: 'there is no folder' };
  expect(verdictOf(skipped)).toMatchObject({ met: undefined, why: 'ours was skipped: there is no folder' });
});

test('a line that some samples reach and others do not is in doubt, whichever way it fell', () => {
  const doubtOf = (value: number, ...rates: number[]) => {
    const targets = [{ level: 'floor', figure: 'rate', value }] as const;
    const [row] = figureRows(benchOf({ targets }), [resultOf('ours', 'ours', rates.map(rateOf))]);
    return [row!.verdicts[0]!.met, row!.verdicts[0]!.doubt];
  };
  expect(doubtOf(59, 30, 90, 60)).toEqual([true, 'within the noise']);
  expect(doubtOf(61, 30, 90, 60)).toEqual([false, 'within the noise']);
  expect(doubtOf(29, 30, 90, 60)).toEqual([true, undefined]);
  // What is offered can be no more than what is asked for: four of five reached it, and one did not.
  expect(doubtOf(10, 10, 10, 5, 10, 10)).toEqual([true, 'within the noise']);
  expect(doubtOf(10, 10, 10, 10)).toEqual([true, undefined]);
});

test('with fewer than three samples on either side every verdict is in doubt', () => {
  const targets = [{ level: 'floor', figure: 'rate', value: 1, against: { subject: 'peer' } }] as const;
  const doubtOf = (ours: number, peer: number) =>
    figureRows(benchOf({ targets }), [
      resultOf('ours', 'ours', Array(ours).fill(rateOf(60))),
      resultOf('peer', 'peer', Array(peer).fill(rateOf(20))),
    ])[0]!.verdicts[0]!.doubt;
  expect(doubtOf(3, 3)).toBeUndefined();
  expect(doubtOf(5, 2)).toBe('from 2 samples');
  expect(doubtOf(1, 5)).toBe('from one sample');
});
