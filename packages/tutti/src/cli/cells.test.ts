import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { cellWidth, fitCells } from './cells.ts';

test('a text is as wide as a terminal draws it', () => {
  expect(cellWidth('abc')).toBe(3);
  expect(cellWidth('漢字')).toBe(4);
  expect(cellWidth('e\u0301')).toBe(1);
  expect(cellWidth(styleText('red', 'up', { validateStream: false }))).toBe(2);
});

test('a line is cut before the character that no longer fits, and never within one', () => {
  expect(fitCells('ab漢字', 5)).toBe('ab漢');
  expect(fitCells('a😀b', 2)).toBe('a');
  expect(fitCells('short', 80)).toBe('short');
});
