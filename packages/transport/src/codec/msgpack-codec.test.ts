import { isTuttiError, TuttiError } from '@tutti/kernel';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
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

/** Bytes, most of them nearly right. */
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.tuple(plain, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
    const bytes = Uint8Array.from(msgpackCodec.encode(value));
    bytes[at % bytes.length] = byte;
    return bytes;
  }),
);

function outcomeOf(decode: () => unknown): { readonly value: unknown } | undefined {
  try {
    return { value: decode() };
  } catch {
    return undefined;
  }
}

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
    fc.assert(
      fc.property(anyBytes, (bytes) => {
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

  it('reads what it takes as msgpackr does', () => {
    const packr = new Packr({ useRecords: false, moreTypes: false });
    fc.assert(
      fc.property(
        fc.oneof(
          anyBytes,
          plain.map((value) => packr.pack(value)),
        ),
        (bytes) => {
          const read = outcomeOf(() => msgpackCodec.decode(bytes));
          if (read) expect(read).toEqual(outcomeOf(() => packr.unpack(Uint8Array.from(bytes))));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('takes what msgpackr writes, in the middle of a frame too', () => {
    const packr = new Packr({ useRecords: false });
    fc.assert(
      fc.property(plain, plain, (first, second) => {
        const [a, b] = [Buffer.from(packr.pack(first)), Buffer.from(packr.pack(second))];
        const frame = Buffer.concat([a, b]);
        expect(msgpackCodec.decodeRange(frame, 0, a.length)).toEqual(first);
        expect(msgpackCodec.decodeRange(frame, a.length, frame.length)).toEqual(second);
      }),
      { numRuns: 500 },
    );
  });

  it('takes no text for another that it has read before, whatever their lengths and letters', () => {
    const unit = fc.constantFrom('a', 'b', 'é', '\ufffd', '\u0000', '😀');
    const texts = fc.array(fc.string({ unit, maxLength: 70 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(texts, (all) => {
        const encoded = all.map((text) => Uint8Array.from(msgpackCodec.encode(text)));
        for (const round of [1, 2])
          expect(
            encoded.map((bytes) => msgpackCodec.decode(bytes)),
            `round ${round}`,
          ).toEqual(all);
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same text for the same bytes, and not for bytes that are no text', () => {
    const [good, bad] = [Uint8Array.of(0xa2, 0x41, 0xe9), Uint8Array.of(0xa3, 0xef, 0xbf, 0xbd)];
    for (let i = 0; i < 2; i++) {
      expect(msgpackCodec.decode(good)).toBe('A\ufffd');
      expect(msgpackCodec.decode(bad)).toBe('\ufffd');
    }
  });

  it.each([0, 1, -1, 1.5, 4_000_000_000.25, 2 ** 34, -62_135_596_800])(
    'gives back the date of second %d',
    (second) => {
      const date = new Date(second * 1_000);
      expect(msgpackCodec.decode(msgpackCodec.encode(date))).toEqual(date);
    },
  );

  it('reserves nothing for items that are declared and not there', () => {
    // Each level says that all the rest of the frame are its items: with room for them that would be half a gigabyte.
    const levels = 120;
    const frame = new Uint8Array(levels * 5 + 500_000).fill(0xc1);
    for (let i = 0; i < levels; i++) frame.set([0xdd, 0x00, 0x07, 0xa1, 0x20], i * 5);
    const before = process.memoryUsage().heapUsed;
    expect(() => msgpackCodec.decode(frame)).toThrow('cannot begin with byte 193');
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 2 ** 20);
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
