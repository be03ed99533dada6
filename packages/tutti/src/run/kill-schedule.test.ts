import { isTuttiError, seededRandom } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { isDue, parseKill } from './kill-schedule.ts';

const random = () => seededRandom(7);

describe('a planned kill', () => {
  it('names a role or a node, and a share of the tasks or a time', () => {
    expect(parseKill('leader@50%', random())).toEqual({
      target: { by: 'role', role: 'leader' },
      at: { by: 'share', share: 0.5 },
    });
    expect(parseKill('follower@1.5s', random()).at).toEqual({ by: 'time', afterMs: 1500 });
    expect(parseKill('n2@300ms', random())).toEqual({
      target: { by: 'node', id: 'n2' },
      at: { by: 'time', afterMs: 300 },
    });
  });

  it('is drawn from the seed when it is random', () => {
    expect(parseKill('random', random())).toEqual(parseKill('random', random()));
    const drawn = Array.from({ length: 40 }, (_, seed) =>
      JSON.stringify(parseKill('random', seededRandom(seed))),
    );
    expect(new Set(drawn).size).toBeGreaterThan(20);
  });

  it.each(['leader', 'leader@', 'leader@50', '@50%', 'leader@1h', ''])(
    'is refused when it reads %j',
    (text) => {
      expect(() => parseKill(text, random())).toThrow(
        expect.toSatisfy((thrown: unknown) => isTuttiError(thrown, 'TUTTI_OPTION_INVALID')),
      );
    },
  );

  it('is due at its share of the tasks, rounded down, or at its time', () => {
    const half = parseKill('leader@50%', random());
    expect(isDue(half, 8, 19, 1e9)).toBe(false);
    expect(isDue(half, 9, 19, 0)).toBe(true);
    const later = parseKill('leader@1s', random());
    expect(isDue(later, 19, 19, 999)).toBe(false);
    expect(isDue(later, 0, 19, 1000)).toBe(true);
  });
});
