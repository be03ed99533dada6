import type { Clock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { leaseMs } from '../raft/lease.ts';
import { Turns } from './turns.ts';

/** An event loop as libuv has it: timers that are due, then what the sockets brought, then what waits for the turn. */
class Loop {
  now = 0;
  #timers: { readonly at: number; readonly action: () => void }[] = [];
  #turn: (() => void)[] = [];

  readonly clock: Clock = {
    now: () => this.now,
    wallTime: () => this.now,
    nextTurn: (action) => void this.#turn.push(action),
    setTimer: (delayMs, action) => {
      const timer = { at: this.now + delayMs, action };
      this.#timers.push(timer);
      return timer;
    },
    clearTimer: () => {},
  };

  /** Goes round once; `poll` stands for the sockets. */
  round(poll: () => void = () => {}): void {
    const due = this.#timers.filter(({ at }) => at <= this.now);
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
    for (const { action } of due) action();
    poll();
    for (const action of this.#turn.splice(0)) action();
  }
}

test('a lease is over before a voter that stood still could have counted its ticks', () => {
  const [electionTicks, tickMs] = [6, 50];
  const loop = new Loop();
  let ticks = 0;
  new Turns(loop.clock, tickMs, { drive: () => {}, tick: () => ticks++ }).begin();
  loop.now = tickMs;
  let heardAtMs = 0;
  // The tick is due; before it is judged the loop stands still, and hears a heartbeat that has just come.
  loop.round(() => {
    loop.now += 10 * tickMs;
    heardAtMs = loop.now;
    ticks = 0;
  });
  const silentFor = (ms: number): number => {
    while (loop.now < heardAtMs + ms) {
      loop.round();
      loop.now++;
    }
    return ticks;
  };
  expect(silentFor(leaseMs(electionTicks, tickMs, 0))).toBeLessThan(electionTicks);
});
