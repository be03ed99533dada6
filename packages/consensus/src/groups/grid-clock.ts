import type { Clock, Timer } from '@tutti/kernel';

interface GridTimer {
  readonly slot: number;
  readonly action: () => void;
}

/**
 * A clock whose timers go off at multiples of a step only, the nearest one that is still to come: those of one step share one timer of the
 * machine, and what they do happens in one turn of the event loop.
 */
export class GridClock implements Clock {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #slots = new Map<number, Set<GridTimer>>();
  #armed: { readonly slot: number; readonly timer: Timer } | undefined;

  constructor(clock: Clock, stepMs: number) {
    this.#clock = clock;
    this.#stepMs = stepMs;
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): number {
    return this.#clock.wallTime();
  }

  nextTurn(action: () => void): void {
    this.#clock.nextTurn(action);
  }

  setTimer(delayMs: number, action: () => void): Timer {
    const now = this.now() / this.#stepMs;
    // Rounded up, a tick that is set by the one before, which is always a little late, would skip every second step.
    const slot = Math.max(Math.floor(now) + 1, Math.round(now + delayMs / this.#stepMs));
    const timer: GridTimer = { slot, action };
    if (delayMs === Infinity) return timer;
    let timers = this.#slots.get(slot);
    if (!timers) this.#slots.set(slot, (timers = new Set()));
    timers.add(timer);
    this.#arm(slot);
    return timer;
  }

  clearTimer(timer: Timer): void {
    const { slot } = timer as GridTimer;
    const timers = this.#slots.get(slot);
    if (!timers?.delete(timer as GridTimer) || timers.size > 0) return;
    this.#slots.delete(slot);
    if (this.#slots.size > 0 || !this.#armed) return;
    this.#clock.clearTimer(this.#armed.timer);
    this.#armed = undefined;
  }

  #arm(slot: number): void {
    if (this.#armed && this.#armed.slot <= slot) return;
    if (this.#armed) this.#clock.clearTimer(this.#armed.timer);
    const delayMs = Math.max(0, slot * this.#stepMs - this.now());
    this.#armed = { slot, timer: this.#clock.setTimer(delayMs, () => this.#fire()) };
  }

  #fire(): void {
    this.#armed = undefined;
    const due = [...this.#slots.keys()].filter((slot) => slot * this.#stepMs <= this.now() + 0.5);
    for (const slot of due.sort((a, b) => a - b)) {
      const timers = this.#slots.get(slot)!;
      this.#slots.delete(slot);
      // One that an earlier one cleared is not in the set any more.
      for (const timer of timers) timer.action();
    }
    if (this.#slots.size > 0) this.#arm(Math.min(...this.#slots.keys()));
  }
}
