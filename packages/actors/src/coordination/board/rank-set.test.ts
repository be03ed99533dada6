import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RankSet } from './rank-set.ts';

test('it holds what a set holds, in ascending order, over several layers of words', () => {
  const moves = fc.array(fc.tuple(fc.boolean(), fc.nat(2_999)), { maxLength: 120 });
  fc.assert(
    fc.property(moves, (drawn) => {
      const [ranks, twin] = [new RankSet(3_000), new Set<number>()];
      for (const [adds, rank] of drawn) {
        const known = adds || twin.size === 0 ? rank : [...twin][rank % twin.size]!;
        if (adds) ranks.add(known);
        else ranks.delete(known);
        if (adds) twin.add(known);
        else twin.delete(known);
      }
      expect([...ranks]).toEqual([...twin].toSorted((a, b) => a - b));
      expect(ranks.size).toBe(twin.size);
    }),
    { numRuns: 100 },
  );
});
