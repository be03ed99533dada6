import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffDelayMs } from './backoff.ts';
import { type Random, seededRandom } from './random.ts';
import { systemRandom } from './system-random.ts';

const seed = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const draw = (random: Random, count = 20) => Array.from({ length: count }, () => random.uint32());

describe('seeded chance', () => {
  it('is a function of the seed, and another seed gives another sequence', () => {
    fc.assert(
      fc.property(seed, seed, (one, other) => {
        expect(draw(seededRandom(one))).toEqual(draw(seededRandom(one)));
        if (one !== other) expect(draw(seededRandom(one))).not.toEqual(draw(seededRandom(other)));
      }),
    );
  });

  it('keeps the sequence it has always had: a replayed seed means the same in every release', () => {
    expect(draw(seededRandom(42), 4)).toEqual([1849552023, 4223452576, 118919111, 3893884377]);
  });

  it('forks into generators that do not shift each other', () => {
    fc.assert(
      fc.property(seed, fc.nat(50), (seed, used) => {
        const [one, other] = [seededRandom(seed), seededRandom(seed)];
        const disk = one.fork('disk');
        const twin = other.fork('disk');
        draw(disk, used);
        expect(draw(one.fork('network'))).toEqual(draw(other.fork('network')));
        draw(twin, used);
        expect(draw(disk)).toEqual(draw(twin));
      }),
    );
    const random = seededRandom(1);
    const twin = seededRandom(1);
    expect(draw(random.fork('a'))).not.toEqual(draw(twin.fork('b')));
  });

  it('stays within what each draw promises', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: -1000, max: 1000 }), fc.nat(1000), (seed, min, span) => {
        const random = seededRandom(seed);
        const whole = random.integer(min, min + span);
        expect(Number.isInteger(whole) && whole >= min && whole <= min + span).toBe(true);
        const float = random.float();
        expect(float >= 0 && float < 1).toBe(true);
        expect(random.exponential(5)).toBeGreaterThanOrEqual(0);
        expect([random.chance(0), random.chance(1)]).toEqual([false, true]);
        expect([3, 1, 4]).toContain(random.pick([3, 1, 4]));
      }),
    );
  });

  it('reaches both ends of a range, and shuffles a copy that keeps every item', () => {
    const random = seededRandom(9);
    const seen = new Set(Array.from({ length: 200 }, () => random.integer(1, 3)));
    expect(seen).toEqual(new Set([1, 2, 3]));
    const items = Array.from({ length: 30 }, (_, i) => i);
    const shuffled = random.shuffle(items);
    expect(shuffled).not.toEqual(items);
    expect(shuffled.sort((a, b) => a - b)).toEqual(items);
  });
});

describe('chance of the system', () => {
  it('is another each time that it is asked for', () => {
    const sequences = Array.from({ length: 20 }, () => draw(systemRandom()).join());
    expect(new Set(sequences).size).toBe(20);
  });
});

describe('backoff', () => {
  it('stays between the full wait less its jitter and the full wait, and never beyond the maximum', () => {
    const options = fc.record({
      initialMs: fc.integer({ min: 1, max: 1_000 }),
      maxMs: fc.integer({ min: 1, max: 60_000 }),
      factor: fc.integer({ min: 1, max: 10 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.nat(5_000), options, seed, (retry, given, seed) => {
        const delayMs = backoffDelayMs(retry, given, seededRandom(seed));
        const full = Math.min(given.maxMs, given.initialMs * given.factor ** Math.min(retry, 64));
        expect(delayMs).toBeLessThanOrEqual(given.maxMs);
        expect(delayMs).toBeLessThanOrEqual(Math.round(full));
        expect(delayMs).toBeGreaterThanOrEqual(Math.floor(full * (1 - given.jitter)));
      }),
    );
  });

  it('is a number whatever the retry and the factor', () => {
    const random = seededRandom(1);
    for (const retry of [0, 64, 1e9, Infinity])
      for (const initialMs of [0, 1]) {
        const delayMs = backoffDelayMs(retry, { initialMs, factor: 1e6, maxMs: 50, jitter: 0 }, random);
        expect(delayMs).toBe(initialMs === 0 ? 0 : retry === 0 ? 1 : 50);
      }
  });

  it('doubles from 100 ms to 30 s unless told otherwise', () => {
    const waits = [0, 1, 2, 20].map((retry) => backoffDelayMs(retry, { jitter: 0 }, seededRandom(1)));
    expect(waits).toEqual([100, 200, 400, 30_000]);
  });
});
