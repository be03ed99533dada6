import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HashRing } from './hash-ring.ts';

const own = (name: string) => name;

function ringOf(members: readonly string[]): HashRing<string> {
  const ring = new HashRing<string>();
  ring.set(members, own);
  return ring;
}

/** Of few names, so that two lists have some in common. */
const names = fc.shuffledSubarray(Array.from({ length: 12 }, (_, i) => `node-${i}/worker`));
const keys = fc.array(fc.string(), { maxLength: 40 });

describe('a hash ring', () => {
  test('moves no key but those of who left, and to who came', () => {
    fc.assert(
      fc.property(names, names, keys, (before, after, texts) => {
        const ring = ringOf(before);
        const owners = texts.map((key) => ring.find(key));
        ring.set(after, own);
        texts.forEach((key, at) => {
          const [was, is] = [owners[at], ring.find(key)];
          if (is === was) return;
          expect(was === undefined || !after.includes(was) || !before.includes(is!)).toBe(true);
        });
      }),
    );
  });

  test('through any changes is the ring that is made anew of the members in another order', () => {
    fc.assert(
      fc.property(fc.array(names, { minLength: 1, maxLength: 6 }), keys, (changes, texts) => {
        const ring = new HashRing<string>();
        for (const members of changes) ring.set(members, own);
        const anew = ringOf(changes.at(-1)!.toReversed());
        expect(texts.map((key) => ring.find(key))).toEqual(texts.map((key) => anew.find(key)));
      }),
    );
  });

  test('gives a key to who would also have it of any two: as a tournament finds it', () => {
    for (const count of [1, 2, 3, 5, 40]) {
      const members = Array.from({ length: count }, (_, i) => `w${i}`);
      const ring = ringOf(members);
      const pairs = new Map<string, HashRing<string>>();
      const ofTwo = (a: string, b: string) => {
        const known = pairs.get(`${a} ${b}`) ?? ringOf([a, b]);
        pairs.set(`${a} ${b}`, known);
        return known;
      };
      for (let i = 0; i < 3_000; i++) {
        const key = `order-${i}`;
        const winner = members.reduce((best, name) => ofTwo(best, name).find(key)!);
        expect(ring.find(key)).toBe(winner);
      }
    }
  });

  test('hands out the member that was set last under its name', () => {
    const ring = new HashRing<{ readonly name: string; readonly life: number }>();
    for (const life of [1, 2]) ring.set([{ name: 'a', life }], ({ name }) => name);
    expect(ring.find('k')).toEqual({ name: 'a', life: 2 });
    ring.set([], ({ name }) => name);
    expect(ring.find('k')).toBeUndefined();
  });

  test('gives each of 3, 20 or 300 members about its share, and of one that leaves something to all others', () => {
    for (const count of [3, 20, 300]) {
      const members = Array.from({ length: count }, (_, i) => `node-${i}/worker`);
      const ring = ringOf(members);
      const texts = Array.from({ length: count * 1_000 }, (_, i) => `order-${i}`);
      const shares = Map.groupBy(texts, (key) => ring.find(key)!);
      const sizes = members.map((name) => shares.get(name)!.length);
      const deviation = Math.hypot(...sizes.map((size) => size / 1_000 - 1)) / Math.sqrt(count);
      expect(deviation, `${count} members`).toBeLessThan(0.08);
      expect(Math.max(...sizes), `${count} members`).toBeLessThan(1_200);
      ring.set(members.slice(1), own);
      const heirs = new Set(shares.get(members[0]!)!.map((key) => ring.find(key)));
      expect(heirs.size).toBeGreaterThan(Math.min(count - 2, 50));
    }
  });

  test('looks at as many points for a key as the logarithm of the members has it', () => {
    const lookedAt = (count: number) => {
      const ring = ringOf(Array.from({ length: count }, (_, i) => `node-${i}/worker`));
      for (let i = 0; i < 1_000; i++) ring.find(`order-${i}`);
      return ring.looked / 1_000;
    };
    const [few, many] = [lookedAt(10), lookedAt(10_000)];
    expect(many - few).toBeLessThan(8 * (Math.log2(1_000) + 1));
  });
});
