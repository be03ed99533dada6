import type { Clock, Timer, VirtualClock } from '@tutti/kernel';

interface Held {
  action: (() => void) | undefined;
  timer: Timer | undefined;
}

/** How one machine's clocks differ from true time. */
export interface ClockFault {
  /** How far the wall clock is off, in milliseconds. */
  readonly skewMs: number;
  /** How fast its clocks run; 1 is true. */
  readonly rate: number;
}

/**
 * One life's view of time, and the gate through which everything reaches it: while it is paused, what is due waits;
 * once it is dead, nothing happens to it any more.
 */
export class NodeClock implements Clock {
  readonly #world: VirtualClock;
  readonly #fault: ClockFault;
  #jumpedMs = 0;
  readonly #touched: () => void;
  #alive = true;
  /** What came due during a pause, in order; undefined while running. */
  #held: Held[] | undefined;
  /** The pause is over, and what waited happens turn by turn; what comes meanwhile gets behind it. */
  #isCatchingUp = false;

  /** @param touched Called whenever something happens on this clock. */
  constructor(world: VirtualClock, fault: ClockFault, touched: () => void = () => {}) {
    this.#world = world;
    this.#touched = touched;
    this.#fault = fault;
  }

  get paused(): boolean {
    return this.#held !== undefined && !this.#isCatchingUp;
  }

  /** Whether nothing happens on it any more. */
  get dead(): boolean {
    return !this.#alive;
  }

  now(): number {
    return this.#world.now() * this.#fault.rate;
  }

  wallTime(): number {
    return this.#world.wallTime() + this.#fault.skewMs + this.#jumpedMs;
  }

  /** Somebody sets the wall clock; what counts durations does not notice. */
  jump(byMs: number): void {
    this.#jumpedMs += byMs;
  }

  setTimer(delayMs: number, action: () => void): Timer {
    const held: Held = { action, timer: undefined };
    held.timer = this.#world.setTimer(delayMs / this.#fault.rate, () => this.#due(held));
    return held;
  }

  clearTimer(timer: Timer): void {
    const held = timer as Held;
    held.action = undefined;
    if (held.timer) this.#world.clearTimer(held.timer);
  }

  nextTurn(action: () => void): void {
    this.setTimer(0, action);
  }

  /** Does `action` as this node: now, after the pause, or never. */
  run(action: () => void): void {
    this.#due({ action, timer: undefined });
  }

  #due(held: Held): void {
    if (!this.#alive) return;
    if (this.#held) {
      this.#held.push(held);
      return;
    }
    this.#touched();
    held.action?.();
  }

  pause(): void {
    this.#held ??= [];
    this.#isCatchingUp = false;
  }

  resume(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#isCatchingUp = false;
    this.#touched();
    for (const { action } of held ?? []) if (this.#alive) action?.();
  }

  /** The same, with a turn of its own for each thing that waited: for code that awaits between them. */
  resumeInTurns(): void {
    if (!this.#held || this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    this.#catchUp();
  }

  #catchUp(): void {
    this.#world.setTimer(0, () => {
      if (!this.#isCatchingUp || !this.#alive) return;
      const one = this.#held?.shift();
      if (!this.#held?.length) {
        this.#held = undefined;
        this.#isCatchingUp = false;
      } else this.#catchUp();
      if (!one) return;
      this.#touched();
      one.action?.();
    });
  }

  kill(): void {
    this.#alive = false;
    this.#held = undefined;
  }
}
