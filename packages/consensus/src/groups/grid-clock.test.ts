import { type Timer, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { GridClock } from './grid-clock.ts';

/** A clock whose timers go off a little late, as a machine's do. */
class LateClock extends VirtualClock {
  override setTimer(delayMs: number, action: () => void): Timer {
    return super.setTimer(delayMs + 0.3, action);
  }
}

test('a timer that is set again and again comes at every step, though the machine is always a little late', () => {
  const clock = new LateClock();
  const grid = new GridClock(clock, 50);
  let ticks = 0;
  const tick = (): void => {
    ticks++;
    grid.setTimer(50, tick);
  };
  grid.setTimer(50, tick);
  clock.advance(1_010);
  expect(ticks).toBe(20);
});
