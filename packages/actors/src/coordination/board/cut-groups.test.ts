import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHARACTERS_MAX, cutGroups } from './cut-groups.ts';

test('groups keep the order, are within both bounds or of one, and none could have taken the next', () => {
  const weights = fc.record({
    pieces: fc.nat(12),
    characters: fc.oneof(fc.nat(CHARACTERS_MAX + 9_999), fc.nat(99), fc.constant(Infinity)),
  });
  fc.assert(
    fc.property(fc.array(weights), (items) => {
      const groups = cutGroups(items, 10, (item) => item);
      expect(groups.flat()).toEqual(items);
      const fits = (group: typeof items) =>
        group.reduce((sum, { pieces }) => sum + pieces, 0) <= 10 &&
        group.reduce((sum, { characters }) => sum + characters, 0) <= CHARACTERS_MAX;
      groups.forEach((group, at) => {
        expect(group.length === 1 || fits(group)).toBe(true);
        const next = groups[at + 1];
        if (next) expect(fits([...group, next[0]!])).toBe(false);
      });
    }),
  );
});
