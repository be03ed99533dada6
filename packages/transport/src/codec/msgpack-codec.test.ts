import { isTuttiError, TuttiError } from '@tutti/kernel';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { messagePackProblem } from './message-pack.ts';
import { MsgpackCodec, msgpackCodec } from './msgpack-codec.ts';

/** Key `__proto__` is the one that MessagePack in JavaScript cannot give back. */
const plain = fc.anything({
  key: fc.string().filter((key) => key !== '__proto__'),
  values: [
    fc.boolean(),
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true }).map((number) => number + 0), // the sign of zero does not travel
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.constantFrom(null, undefined),
  ],
  withNullPrototype: false,
  maxDepth: 4,
});

describe('the MessagePack codec', () => {
  it('gives back every plain value as it was', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(msgpackCodec.decode(msgpackCodec.encode(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('gives back bytes that share no memory with the frame', () => {
    const encoded = msgpackCodec.encode({ bytes: Uint8Array.of(1, 2, 3), at: new Date(0) });
    const decoded = msgpackCodec.decode(encoded) as { bytes: Uint8Array; at: Date };
    encoded.fill(0xff);
    expect(decoded.bytes).toBeInstanceOf(Uint8Array);
    expect([...decoded.bytes]).toEqual([1, 2, 3]);
    expect(decoded.at).toEqual(new Date(0));
  });

  it('answers any bytes with a value or TUTTI_CODEC_INVALID', () => {
    const mutated = fc.tuple(plain, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
      const bytes = Uint8Array.from(msgpackCodec.encode(value));
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
        try {
          msgpackCodec.decode(bytes);
        } catch (thrown) {
          expect(isTuttiError(thrown, 'TUTTI_CODEC_INVALID')).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['an array of 2^25 items in five bytes', [0xdd, 0x02, 0, 0, 0], 'more items'],
    ['a map of 2^32 - 1 entries', [0xdf, 0xff, 0xff, 0xff, 0xff], 'more items'],
    ['text longer than the frame', [0xdb, 0x7f, 0xff, 0xff, 0xff], 'beyond the end'],
    ['a regular expression', [0xd4, 0x78, 0x92], 'extension type 120'],
    ['a record definition', [0xd4, 0x72, 0x40], 'extension type 114'],
    ['an error', [0xd4, 0x65, 0x93], 'extension type 101'],
    ['nesting without end', Array.from({ length: 4_000 }, () => 0x91), 'deeper than 128'],
    ['something after the value', [0x01, 0x02], 'follow the value'],
    ['nothing at all', [], 'ends within a value'],
  ])('refuses %s without decoding it', (_, bytes, problem) => {
    const decode = () => msgpackCodec.decode(Uint8Array.from(bytes));
    expect(decode).toThrow(TuttiError);
    expect(decode).toThrow(problem);
  });

  it('finds nothing wrong with what a plain encoder writes', () => {
    const packr = new Packr({ useRecords: false });
    fc.assert(
      fc.property(plain, (value) => {
        const bytes = packr.pack(value);
        expect(messagePackProblem(bytes, 0, bytes.length)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('refuses cycles and what is not plain, and is usable afterwards', () => {
    const codec = new MsgpackCodec();
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const value of [cycle, new URL('a:b'), { f() {} }, new Set(), new Date(Number.NaN)]) {
      expect(() => codec.encode(value)).toThrow(TuttiError);
    }
    expect(codec.decode(codec.encode('fine'))).toBe('fine');
  });
});
