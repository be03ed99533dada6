import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalText, parseWireText, wireText } from './wire-text.ts';

/** Few values of each sort, and the marks' own words among them, so that two of them are often nearly the same. */
const wire = fc.letrec((again) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 0n, 1n, null, false, '', '0', 'NaN', 'bigint'),
    fc.constantFrom(0, 1).map((ms) => new Date(ms)),
    fc.uint8Array({ min: 0, max: 1, maxLength: 2 }),
    fc.array(again('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('$is', 'of', 'a', 'b'), again('value'), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
  ),
})).value;

test('two values have the same canonical text if and only if they are the same', () => {
  fc.assert(
    fc.property(wire, wire, (one, other) => {
      expect(canonicalText(one) === canonicalText(other)).toBe(isDeepStrictEqual(one, other));
    }),
    { numRuns: 2_000 },
  );
});

test('NaN is not null, minus zero not zero, and bytes are not an object; the order of keys is nothing', () => {
  const texts = [Number.NaN, null, -0, 0, 0n, Uint8Array.of(1), { 0: 1 }, new Date(0)].map(canonicalText);
  expect(new Set(texts).size).toBe(texts.length);
  for (const mark of ['a', '$is'])
    expect(canonicalText({ b: 1, [mark]: { d: 2n, c: 3 } })).toBe(
      canonicalText({ [mark]: { c: 3, d: 2n }, b: 1 }),
    );
});

test('a value is read back from its text as it was', () => {
  fc.assert(
    fc.property(wire, (value) => {
      expect(parseWireText(wireText(value))).toStrictEqual(value);
    }),
  );
});
