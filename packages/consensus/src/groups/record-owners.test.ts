import { logIndex } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FORGOTTEN_RECORDS, LOST_RECORD, lostRecordOf } from './group-record.ts';
import { RecordOwners } from './record-owners.ts';

type Owner = { readonly of: 'a' | 'b' | 'c'; readonly left: boolean } | 'lost' | 'forgotten';

const owner: fc.Arbitrary<Owner> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ of: fc.constantFrom('a', 'b', 'c'), left: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constantFrom('lost', 'forgotten') },
);
const range = fc
  .tuple(fc.nat(30), fc.nat(5))
  .map(([from, more]) => ({ from: logIndex(from), to: logIndex(from + more) }));

const recordOf = (one: Owner) => {
  if (one === 'lost') return LOST_RECORD;
  if (one === 'forgotten') return FORGOTTEN_RECORDS;
  return one.left ? lostRecordOf(one.of) : { kind: 'write' as const, group: one.of, base: 3 };
};

test('whose records are is told as by a list of them, whatever was left and dropped', () => {
  fc.assert(
    fc.property(
      fc.array(owner, { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), range), { maxLength: 4 }),
      fc.nat(12),
      range,
      (all, first, leaving, dropped, asked) => {
        const owners = new RecordOwners();
        owners.begin(first);
        const twin = new Map<number, Owner>();
        for (const [i, one] of all.entries()) {
          owners.add(first + i, recordOf(one));
          twin.set(first + i, one);
        }
        for (const [group, places] of leaving) {
          owners.leave(group, [places]);
          for (const [index, one] of twin)
            if (typeof one === 'object' && one.of === group && index >= places.from && index <= places.to)
              twin.set(index, { of: one.of, left: true });
        }
        owners.dropThrough(dropped);
        for (const index of twin.keys()) if (index <= dropped) twin.delete(index);
        const within = [...twin].filter(([index]) => index >= asked.from && index <= asked.to);
        const standing = within.flatMap(([, one]) => (typeof one === 'object' && !one.left ? [one.of] : []));
        expect(owners.standingAt([asked])).toEqual(new Set(standing));
        for (const [index, one] of twin) {
          const instead = typeof one === 'object' ? lostRecordOf(one.of) : recordOf(one);
          expect(owners.insteadOf(index)).toEqual(instead);
        }
        for (const group of ['a', 'b', 'c']) {
          const ranges = owners.leftBy(group);
          const isIn = (index: number): boolean =>
            ranges.some(({ from, to }) => index >= from && index <= to);
          for (const [index, one] of twin) {
            const isLeft = one === 'lost' || (typeof one === 'object' && one.of === group && one.left);
            const stands = typeof one === 'object' && one.of === group && !one.left;
            if (isLeft) expect(isIn(index)).toBe(true);
            if (stands) expect(isIn(index)).toBe(false);
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});
