import type { Clock } from './clock.ts';

/** The machine's own time. The one place below the adapters that may touch global timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (delayMs, action) => setTimeout(action, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
  nextTurn: (action) => void setImmediate(action),
};
