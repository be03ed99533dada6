import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, jsonCodec } from './canonical.ts';
import { durationMs, showDuration } from './duration.ts';
import { isTuttiError } from './error/tutti-error.ts';
import { clusterId, nodeId, randomIds } from './ids.ts';
import { seededRandom } from './random.ts';

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (thrown) {
    return isTuttiError(thrown) ? thrown.code : String(thrown);
  }
  return undefined;
}

describe('ids', () => {
  it.each(['a', 'node-1', '9.b_C', 'x'.repeat(64)])('may be %s', (text) => {
    expect([nodeId(text), clusterId(text)]).toEqual([text, text]);
  });

  it.each(['', '-a', '.', 'a b', 'ä', 'a\n', 'x'.repeat(65), 'a/b'])('may not be %j', (text) => {
    expect(codeOf(() => nodeId(text))).toBe('TUTTI_ID_INVALID');
    expect(() => clusterId(text)).toThrow('cluster id');
  });

  it('drawn from chance have their form, follow from the seed and do not repeat', () => {
    const draw = (seed: number) => {
      const ids = randomIds(seededRandom(seed));
      return Array.from({ length: 1_000 }, () => ids.next('task'));
    };
    const ids = draw(1);
    expect(ids.every((id) => /^task-[0-9a-f]{16}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(1_000);
    expect(draw(1)).toEqual(ids);
    expect(draw(2)).not.toEqual(ids);
  });
});

describe('durations', () => {
  it.each<[number | string, number]>([
    [0, 0],
    [1.5, 1.5],
    ['250', 250],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['120m', 7_200_000],
    ['2 min', 120_000],
    [' 2h ', 7_200_000],
    ['1d', 86_400_000],
  ])('read %j as %d ms', (given, ms) => {
    expect(durationMs(given)).toBe(ms);
  });

  it.each([-1, Number.NaN, Infinity, '', '5x', 's', '-1s', '1 week', '1s 2ms', '1e3s', 'constructor'])(
    'do not read %j',
    (given) => {
      expect(codeOf(() => durationMs(given))).toBe('TUTTI_DURATION_INVALID');
    },
  );

  it('are shown in the unit that fits', () => {
    const shown = [839.6, 12_345, 245_000, 7_200_000, 3_599_999].map(showDuration);
    expect(shown).toEqual(['840 ms', '12.3 s', '4 m 05 s', '2 h 00 m', '1 h 00 m']);
  });

  it('are never shown with sixty of a smaller unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), (ms) => {
        expect(showDuration(ms)).not.toMatch(/\b60(\.0)? [sm]|^1000 ms/);
      }),
    );
    expect([showDuration(999.7), showDuration(59_960)]).toEqual(['1.0 s', '1 m 00 s']);
  });
});

describe('canonical JSON', () => {
  it('is the same for equal values, whatever the order of their keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
      }),
    );
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
  });

  it('comes back through the codec, and bytes that are not JSON are refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const back = jsonCodec.decode(jsonCodec.encode(value));
        expect(canonicalJson(back)).toBe(canonicalJson(value));
      }),
    );
    for (const bytes of [Uint8Array.of(0xff), Uint8Array.of(0x7b), new Uint8Array(0)]) {
      expect(codeOf(() => jsonCodec.decode(bytes))).toBe('TUTTI_CODEC_INVALID');
    }
  });
});
