import { expect, test } from 'vitest';
import type { FigureSpec } from './case.ts';
import { changeOf, changeTable, compareCase } from './compare.ts';
import { benchOf, rateOf } from './testing/bench-of.ts';

const RATE: FigureSpec = { id: 'rate', title: 'rate', unit: '/s', better: 'higher' };
const movedOf = (before: number[], after: number[], figure = RATE) =>
  changeOf('X1', 'ours', figure, { before: before.map(rateOf), after: after.map(rateOf) })[0]!.moved;

test('a difference that the samples agree on is a move, in the direction that the figure says', () => {
  expect(movedOf([10, 11, 10, 11], [20, 21, 20, 22])).toBe('better');
  expect(movedOf([10, 11, 10, 11], [20, 21, 20, 22], { ...RATE, better: 'lower' })).toBe('worse');
});

test('a difference within the noise, or too small to matter, is none', () => {
  expect(movedOf([10, 14, 9, 12], [11, 13, 10, 12])).toBe('no');
  expect(movedOf([100, 100, 100, 100], [101, 101, 101, 101])).toBe('no');
});

test('two trees take turns, and which goes first changes', async () => {
  const order: string[] = [];
  const changes = await compareCase(benchOf(), true, (side) => {
    order.push(side);
    return Promise.resolve(rateOf(side === 'after' ? 2 : 1));
  });
  expect(order.slice(0, 6)).toEqual(['before', 'after', 'after', 'before', 'before', 'after']);
  expect(changeTable(changes)).toContain('BETTER');
});
