import { jsonCodec } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ref } from '../actor/ref.ts';
import { decodeRefs, encodeRefs } from './ref-codec.ts';

const makeRef = (address: string): Ref => ({
  address,
  send: () => {},
  ask: () => Promise.reject(new Error()),
  watch: () => () => {},
  subscribe: () => () => {},
  stop: () => Promise.resolve(),
});

describe('refs inside of values', () => {
  it('cross the wire, however deep they are, and so does everything around them', () => {
    const value = {
      type: 'hire',
      who: makeRef('local:n1/1/a'),
      all: [1, { of: [makeRef('entity:cart/x/y')] }],
      none: null,
    };
    const decoded = decodeRefs(
      jsonCodec.decode(jsonCodec.encode(encodeRefs(value))),
      makeRef,
    ) as typeof value;
    expect(decoded.who.address).toBe('local:n1/1/a');
    expect(typeof decoded.who.send).toBe('function');
    expect((decoded.all[1] as { of: Ref[] }).of[0]!.address).toBe('entity:cart/x/y');
    expect(decoded.none).toBeNull();
  });

  it('leave a value without refs as it is, without a copy', () => {
    const value = { type: 'x', list: [{ a: 1 }] };
    expect(encodeRefs(value)).toBe(value);
    expect(decodeRefs(value, makeRef)).toBe(value);
  });

  it('are not confused with data of users that looks like them', () => {
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.integer(),
        fc.string(),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', '$ref', '$plain'), tie('node'), {
          maxKeys: 3,
          noNullPrototype: true,
        }),
      ),
    })).node;
    fc.assert(
      fc.property(tree, (value) => {
        expect(decodeRefs(encodeRefs(value), makeRef)).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it('come back from any value that could be encoded, however deep its look-alikes are', () => {
    let value: unknown = 'leaf';
    for (let depth = 0; depth < 60; depth++) value = { $ref: value };
    expect(decodeRefs(encodeRefs(value), makeRef)).toEqual(value);
  });

  it('are refused in a value that contains itself', () => {
    const value: Record<string, unknown> = {};
    value['self'] = value;
    expect(() => encodeRefs(value)).toThrow(/nested deeper/);
  });
});
