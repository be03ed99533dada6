import { styleText } from 'node:util';
import { describe, expect, it } from 'vitest';
import { table } from './table.ts';

describe('a table', () => {
  it('lines its columns up by what is seen, not by the colour codes', () => {
    const green = styleText('green', 'up', { validateStream: false });
    expect(
      table(
        ['node', 'state'],
        [
          ['n1', green],
          ['node-2', 'down'],
        ],
      ).split('\n')[1],
    ).toBe(`n1      ${green}`);
  });

  it('leaves no spaces at the end of a line', () => {
    for (const line of table(
      ['a', 'b'],
      [
        ['1', ''],
        ['22', ''],
      ],
    ).split('\n'))
      expect(line).toBe(line.trimEnd());
  });
});
