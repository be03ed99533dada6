import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Item, packParts, unpackParts } from './snapshot-parts.ts';

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  maxDepth: 3,
  key: fc.oneof(fc.string(), fc.constantFrom('$is', 'of')),
  values: [
    fc.boolean(),
    fc.double(),
    fc.string(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 5 }),
    fc.constantFrom('bigint', 'date', 'object'),
  ],
});
/** As JSON would: neither marks of an object's kind nor keys without a value are kept. */
const kept = anything.filter((value) => value !== undefined && !hasOddDate(value));

function hasOddDate(value: unknown): boolean {
  if (value instanceof Date) return Number.isNaN(value.getTime());
  if (value instanceof Map || value instanceof Set) return [...value].some(hasOddDate);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasOddDate);
}

test('whatever the log carries comes out of a snapshot as it went in, also what is too large for one part', () => {
  fc.assert(
    fc.property(fc.array(kept, { maxLength: 4 }), fc.boolean(), (values, isLarge) => {
      const items = values.map((value): Item => ['task', isLarge ? [value, 'x'.repeat(30_000)] : value]);
      expect([...unpackParts(packParts(items))]).toEqual(items);
    }),
  );
});
