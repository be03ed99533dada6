import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SnapshotableMap } from './snapshotable-map.ts';

type Step =
  | { readonly kind: 'set'; readonly key: number; readonly value: number }
  | { readonly kind: 'delete'; readonly key: number }
  | { readonly kind: 'clear' }
  | { readonly kind: 'restore'; readonly pairs: readonly (readonly [number, number])[] }
  | { readonly kind: 'capture' }
  | { readonly kind: 'read'; readonly count: number };

const key = fc.integer({ min: 0, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: fc.nat(99) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('restore' as const),
      pairs: fc.uniqueArray(fc.tuple(key, fc.nat(99)), { selector: ([k]) => k }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('capture' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), count: fc.nat(5) }) },
);

/** A map copied as a whole at each capture: what the real one must look like. */
class Twin {
  readonly map = new Map<number, number>();
  expected: (readonly [number, number])[] = [];
  seen: (readonly [number, number])[] = [];
}

test('a capture shows the map as it was, in its order, whatever is changed while it is read', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const twin = new Twin();
      const real = new SnapshotableMap<number, number>();
      let reading: Iterator<readonly [number, number]> = [][Symbol.iterator]();
      const read = (count: number): void => {
        for (let i = 0; i < count; i++) {
          const { done, value } = reading.next();
          if (done) return;
          twin.seen.push(value);
        }
      };
      const finish = (): void => {
        read(Infinity);
        expect(twin.seen).toEqual(twin.expected);
      };
      for (const one of steps) {
        if (one.kind === 'set') {
          twin.map.set(one.key, one.value);
          real.set(one.key, one.value);
        } else if (one.kind === 'delete') expect(real.delete(one.key)).toBe(twin.map.delete(one.key));
        else if (one.kind === 'clear') {
          twin.map.clear();
          real.clear();
        } else if (one.kind === 'restore') {
          const restorer = real.restorer((part) => part as [number, number]);
          for (const pair of one.pairs) restorer.add(pair);
          restorer.finish();
          twin.map.clear();
          for (const [k, v] of one.pairs) twin.map.set(k, v);
        } else if (one.kind === 'capture') {
          finish();
          twin.expected = [...twin.map];
          twin.seen = [];
          reading = real.capture()[Symbol.iterator]();
        } else read(one.count);
        expect([...real.entries()]).toEqual([...twin.map]);
        expect(real.size).toBe(twin.map.size);
      }
      finish();
    }),
    { numRuns: 2_000 },
  );
});

test('a capture that a newer one has replaced is not read on as if it were whole', () => {
  const map = new SnapshotableMap<string, number>();
  map.set('a', 1);
  map.set('b', 2);
  const first = map.capture()[Symbol.iterator]();
  expect(first.next().value).toEqual(['a', 1]);
  const second = [...map.capture()];
  expect(() => first.next()).toThrow(/before the next one/);
  expect(second).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
});

test('a walk goes on when what it stands on, and what is around it, is deleted', () => {
  const map = new SnapshotableMap<number, number>();
  for (let key = 0; key < 8; key++) map.set(key, key);
  const met: number[] = [];
  for (const [key] of map.entries()) {
    met.push(key);
    if (key === 3) for (const gone of [2, 4, 3, 5]) map.delete(gone);
    if (key === 7) {
      map.delete(7);
      map.delete(6);
      map.set(9, 9);
    }
  }
  expect(met).toEqual([0, 1, 2, 3, 6, 7, 9]);
  expect([...map.keys()]).toEqual([0, 1, 9]);
});

test('a capture is read in as many steps as it has pairs, in whatever order these are deleted', () => {
  const map = new SnapshotableMap<number, number>();
  const count = 300_000;
  for (let key = 0; key < count; key++) map.set(key, key);
  const reading = map.capture()[Symbol.iterator]();
  for (let read = 0; read < count / 2; read++) reading.next();
  for (let key = count - 1; key >= 0; key--) map.delete(key);
  let left = 0;
  while (!reading.next().done) left++;
  expect(left).toBe(count / 2);
});

test('a key that comes twice in a snapshot has the later value', () => {
  const map = new SnapshotableMap<string, number>();
  const restorer = map.restorer((part) => part as [string, number]);
  for (const pair of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ] as const)
    restorer.add([...pair]);
  restorer.finish();
  expect([[...map.entries()], map.size]).toEqual([
    [
      ['a', 3],
      ['b', 2],
    ],
    2,
  ]);
});
