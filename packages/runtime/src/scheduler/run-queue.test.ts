import { type Clock, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { RunQueue } from './run-queue.ts';

/** Runs one turn of the event loop with actors that always have more to do, each message taking a millisecond. */
function oneTurn(turnMs: number, quantum = 1): number {
  let handled = 0;
  const turns: (() => void)[] = [];
  const clock: Clock = Object.assign(new VirtualClock(), {
    now: () => handled,
    nextTurn: (action: () => void) => turns.push(action),
  });
  const queue = new RunQueue({ clock, limit: 8, quantum, turnMs });
  const run = (budget: number) => {
    handled += budget;
    return budget;
  };
  for (let actor = 0; actor < 4; actor++) queue.ready({ isQueued: false, isReady: true, run });
  turns.shift()!();
  expect(turns, 'it goes on in the next turn').toHaveLength(1);
  return handled;
}

describe('a turn of the event loop', () => {
  it.each([
    ['the 64th message, where its time is over by then', 1, 64],
    ['the 64th message, where its time is over just then', 56, 64],
    ['the 128th, where it is not: its time counts from the eighth', 57, 128],
    ['the 128th, where its time is over just then', 120, 128],
    ['the 192nd', 121, 192],
  ])('ends at %s', (_, turnMs, expected) => {
    expect(oneTurn(turnMs)).toBe(expected);
  });

  it('ends between two actors, whatever they handle at a time', () => {
    expect(oneTurn(1, 50)).toBe(100);
    expect(oneTurn(1, 64)).toBe(128);
  });

  it('ends after many messages though the clock stands still', () => {
    expect(oneTurn(Infinity)).toBe(16_384);
  });
});
