/** A timer that has been set; hand it back to {@link Clock.clearTimer}. */
export type Timer = object;

/**
 * Time as a port. Pure packages get every instant, delay and turn of the event loop from here, so that a whole
 * cluster can run on {@link VirtualClock}.
 */
export interface Clock {
  /** Milliseconds on a clock that never goes back; its origin means nothing. For measuring and for deadlines. */
  now(): number;
  /** Milliseconds since 1970 on the wall. For showing to people and for stamping log entries, never for deadlines. */
  wallTime(): number;
  /**
   * Calls `action` once, `delayMs` from now; less than 0 is 0, `Infinity` is never. Timers of the same instant fire in
   * the order of setting.
   */
  setTimer(delayMs: number, action: () => void): Timer;
  /** Cancels; doing so twice, or after it fired, does nothing. */
  clearTimer(timer: Timer): void;
  /** Calls `action` in a later turn of the event loop, after input that is ready now has been read. */
  nextTurn(action: () => void): void;
}
