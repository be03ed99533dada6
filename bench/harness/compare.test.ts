import { seededRandom } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { FigureSpec, Measurement } from './case.ts';
import {
  type CompareOptions,
  changesOf,
  changeTable,
  compareCase,
  differenceOf,
  isWorse,
} from './compare.ts';
import { benchOf, rateOf, subjectOf } from './testing/bench-of.ts';

const NAMED = { caseId: 'X1', subject: 'ours' };
const RATE: FigureSpec = { id: 'rate', title: 'rate', unit: '/s', better: 'higher' };
const compared = (before: readonly number[], after: readonly number[], figure = RATE) =>
  differenceOf(NAMED, figure, { before: before.map(rateOf), after: after.map(rateOf) });
const movedOf = (...args: Parameters<typeof compared>) => changesOf(compared(...args))[0]!.moved;
const options = (measure: CompareOptions['measure'], changes: Partial<CompareOptions> = {}) => ({
  quick: true,
  missing: () => undefined,
  measure,
  ...changes,
});

test('a difference that the rounds agree on is a move, in the direction that the figure says', () => {
  expect(movedOf([10, 11, 10, 11, 10], [20, 21, 20, 22, 21])).toBe('better');
  expect(movedOf([10, 11, 10, 11, 10], [20, 21, 20, 22, 21], { ...RATE, better: 'lower' })).toBe('worse');
});

test('a difference within the noise, or too small to matter, is none', () => {
  expect(movedOf([10, 14, 9, 12, 11], [11, 13, 10, 12, 9])).toBe('no');
  expect(movedOf([100, 100, 100, 100, 100], [101, 101, 101, 101, 101])).toBe('no');
});

test('a machine that drifts between the rounds hides nothing, since each round is compared with itself', () => {
  expect(movedOf([10, 20, 40, 30, 15], [12, 24.2, 47.8, 36.1, 17.9])).toBe('better');
});

test('what is zero or below is compared by what was gained', () => {
  const lost: FigureSpec = { ...RATE, better: 'lower' };
  expect(movedOf([0, 0, 0, 0, 0], [0, 0, 0, 0, 0], lost)).toBe('no');
  expect(movedOf([0, 0, 0, 0, 0], [0, 3, 0, 0, 0], lost)).toBe('no');
  expect(movedOf([0, 0, 0, 0, 0], [30, 33, 31, 30, 29], lost)).toBe('worse');
  expect(movedOf([-1, -2, 0, 1, -1], [30, 33, 31, 30, 29])).toBe('better');
});

test('what one figure alone would show is not enough among many, and a large move still is', () => {
  const random = seededRandom(3);
  const noisy = () => Array.from({ length: 5 }, () => 100 + 10 * random.float());
  const others = Array.from({ length: 80 }, () => compared(noisy(), noisy())).flat();
  const small = compared([100, 104, 98, 101, 99], [105, 106, 104, 103, 106]);
  expect(changesOf(small)[0]!.moved).toBe('better');
  const large = compared([100, 104, 98, 101, 99], [205, 206, 194, 203, 206]);
  const moves = changesOf([...small, ...others, ...large]).map(({ moved }) => moved);
  expect(moves.filter((moved) => moved !== 'no')).toEqual(['better']);
  expect(moves.at(-1)).toBe('better');
});

test('two trees take turns, which goes first changes, and there are five rounds however few a run takes', async () => {
  const order: string[] = [];
  const measure: CompareOptions['measure'] = (side) => {
    order.push(side);
    return Promise.resolve(rateOf(side === 'after' ? 2 : 1));
  };
  const comparisons = await compareCase(benchOf({ runs: { quick: 1, full: 1 } }), options(measure));
  expect(order.slice(0, 6)).toEqual(['before', 'after', 'after', 'before', 'before', 'after']);
  expect(order).toHaveLength(10);
  expect(changeTable(comparisons)).toContain('BETTER');
  order.length = 0;
  await compareCase(benchOf(), options(measure, { quick: false }));
  expect(order).toHaveLength(20);
});

test('a subject that fails on one side is given up and named, and the others are compared', async () => {
  const subjects = [subjectOf('broken', 'ours'), subjectOf('ours', 'ours')];
  const measure: CompareOptions['measure'] = (side, _case, subject) =>
    subject === 'broken' && side === 'before'
      ? Promise.reject(new Error('no such function\n  at file.ts'))
      : Promise.resolve(rateOf(side === 'after' ? 2 : 1));
  const comparisons = await compareCase(benchOf({ subjects }), options(measure));
  expect(changesOf(comparisons).map(({ subject, moved }) => [subject, moved])).toEqual([['ours', 'better']]);
  expect(changeTable(comparisons)).toMatch(
    /X1\.broken +not compared: the tree before failed: no such function$/,
  );
});

test('what this machine lacks is not run, and a figure that only some samples have is named', async () => {
  const measured: string[] = [];
  const lacking = { ...subjectOf('lacking', 'ours'), requires: { data: 'traces' } };
  const measure: CompareOptions['measure'] = (side, _case, subject): Promise<Measurement> => {
    measured.push(subject);
    return Promise.resolve(side === 'after' ? { figures: {}, verified: '' } : rateOf(1));
  };
  const comparisons = await compareCase(
    benchOf({ subjects: [lacking, subjectOf('ours', 'ours')] }),
    options(measure, { missing: (requirement) => requirement && 'there is no folder traces' }),
  );
  expect(new Set(measured)).toEqual(new Set(['ours']));
  expect(changeTable(comparisons).split('\n')).toEqual([
    expect.stringMatching(/^X1\.lacking +not compared: there is no folder traces$/),
    expect.stringMatching(/^X1\.rate ours +not compared: some samples gave no such figure$/),
  ]);
});

test('a tree is worse when a figure of it is, or when it fails where the other does not', async () => {
  const failing = (failed: string) =>
    compareCase(
      benchOf(),
      options((side) =>
        side === failed ? Promise.reject(new Error('it hangs')) : Promise.resolve(rateOf(1)),
      ),
    );
  expect(isWorse(await failing('after'))).toBe(true);
  expect(isWorse(await failing('before'))).toBe(false);
  expect(isWorse(compared([10, 11, 10, 11, 10], [5, 5, 5, 6, 5]))).toBe(true);
  expect(isWorse(compared([10, 11, 10, 11, 10], [20, 21, 20, 22, 21]))).toBe(false);
});
