import type { Clock, Timer } from '@tutti/kernel';

interface GridTimer {
  readonly slot: number;
  readonly action: () => void;
}

/**
 * A clock whose timers go off at multiples of a step only, never early: those of one step share one timer of the
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
    const timer: GridTimer = { slot: Math.ceil((this.now() + delayMs) / this.#stepMs), action };
    if (delayMs === Infinity) return timer;
    let slot = this.#slots.get(timer.slot);
    if (!slot) this.#slots.set(timer.slot, (slot = new Set()));
    slot.add(timer);
    this.#arm(timer.slot);
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
