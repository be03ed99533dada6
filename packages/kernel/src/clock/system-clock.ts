import { assert } from '../assert.ts';
import type { Clock } from './clock.ts';

/** The longest delay that a timer of the platform takes; a longer one would fire at once. Some 24 days. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** A timer that may take several of the platform's, one after another. */
class SystemTimer {
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(delayMs: number, action: () => void) {
    assert(!Number.isNaN(delayMs), 'a delay is a number');
    // A deadline that passes while it is reckoned with is a hair behind; the platform warns of that.
    if (delayMs !== Infinity) this.#arm(Math.max(0, delayMs), action);
  }

  clear(): void {
    clearTimeout(this.#handle);
  }

  #arm(leftMs: number, action: () => void): void {
    this.#handle =
      leftMs <= DELAY_MS_MAX
        ? setTimeout(action, leftMs)
        : setTimeout(() => this.#arm(leftMs - DELAY_MS_MAX, action), DELAY_MS_MAX);
  }
}

/** The machine's own time. The one place below the adapters that may touch global timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (delayMs, action) => new SystemTimer(delayMs, action),
  clearTimer: (timer) => (timer as SystemTimer).clear(),
  nextTurn: (action) => void setImmediate(action),
};
