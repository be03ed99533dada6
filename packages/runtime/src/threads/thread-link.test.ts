import { VirtualClock } from '@tutti/kernel';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Batch, ThreadLink } from './thread-link.ts';

/** Two ends, and between them a wire on which every batch is so long on its way. */
function pair(hopMs: number) {
  const clock = new VirtualClock();
  const heard: [number[], number[]] = [[], []];
  let fullest = 0;
  const end = (of: 0 | 1): ThreadLink<number, number> => {
    let underWay = 0;
    return new ThreadLink({
      clock,
      post: (batch: Batch) => {
        if (batch.messages.length > 0) fullest = Math.max(fullest, ++underWay);
        clock.setTimer(hopMs, () => {
          if (batch.messages.length > 0) underWay--;
          ends[of === 0 ? 1 : 0].receive(batch);
        });
      },
      onMessage: (message) => heard[of].push(message),
      onRefused: () => {},
    });
  };
  const ends: [ThreadLink<number, number>, ThreadLink<number, number>] = [end(0), end(1)];
  return { clock, ends, heard, fullest: () => fullest };
}

interface Turn {
  readonly says: readonly [boolean, boolean];
  readonly restMs: number;
}

function play(turns: readonly Turn[], hopMs: number) {
  const { clock, ends, heard, fullest } = pair(hopMs);
  const said: [number[], number[]] = [[], []];
  let at = 0;
  const next = (): void => {
    const turn = turns[at++];
    if (!turn) return;
    for (const side of [0, 1] as const) {
      if (!turn.says[side]) continue;
      ends[side].push(at);
      said[side].push(at);
    }
    clock.setTimer(turn.restMs, next);
  };
  next();
  clock.advance(60_000);
  return { said, heard, waiting: ends.map(({ waiting }) => waiting), fullest: fullest() };
}

describe('a link between a node and a thread', () => {
  it('goes on when both ends have filled it at the same time, before either heard of the other', () => {
    const turns = Array.from({ length: 100 }, (): Turn => ({ says: [true, true], restMs: 0 }));
    const { said, heard, waiting } = play(turns, 5);
    expect(heard).toEqual([said[1], said[0]]);
    expect(waiting).toEqual([0, 0]);
  });

  it('brings everything over, once and in order, with no more than 16 batches under way in a direction', () => {
    const turn = fc.record({
      says: fc.tuple(fc.boolean(), fc.boolean()),
      restMs: fc.constantFrom(0, 0, 0, 1, 7),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 120 }), fc.constantFrom(0, 1, 5, 40), (turns, hopMs) => {
        const { said, heard, waiting, fullest } = play(turns, hopMs);
        expect(heard).toEqual([said[1], said[0]]);
        expect(waiting).toEqual([0, 0]);
        expect(fullest).toBeLessThanOrEqual(16);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps nothing once it is closed, however much it is given', () => {
    const { clock, ends, heard } = pair(0);
    ends[0].push(1);
    ends[0].close();
    for (let n = 2; n < 100; n++) ends[0].push(n);
    clock.advance(1_000);
    expect([heard[1], ends[0].waiting]).toEqual([[], 0]);
  });
});
