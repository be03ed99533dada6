import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlidingRankSet } from './sliding-rank-set.ts';

test('it holds what a sorted list holds, wherever its members wander', () => {
  const steps = fc.array(
    fc.record({ isAdded: fc.boolean(), shift: fc.constantFrom(0, 0, 0, 500, 40_000), rank: fc.nat(200) }),
    { maxLength: 120 },
  );
  fc.assert(
    fc.property(steps, (drawn) => {
      const set = new SlidingRankSet();
      const twin = new Set<number>();
      let from = 0;
      for (const { isAdded, shift, rank } of drawn) {
        from += shift;
        // Mostly near the latest ones, now and then one from long ago.
        const member = rank % 17 === 0 ? rank : from + rank;
        if (isAdded) set.add(member);
        else set.delete(member);
        if (isAdded) twin.add(member);
        else twin.delete(member);
        const sorted = [...twin].toSorted((a, b) => a - b);
        expect([...set]).toEqual(sorted);
        expect(set.first()).toBe(sorted[0] ?? -1);
        expect(set.size).toBe(sorted.length);
      }
    }),
  );
});
