import type { Clock, Timer } from '@tutti/kernel';

interface HostTimer {
  inner: Timer | undefined;
  action: (() => void) | undefined;
}

/**
 * One machine on a clock that it shares with others. It can be paused, as a process that is stopped or stalls: what
 * comes due waits, in order, until it goes on. And it can crash: nothing of it ever runs again.
 */
export class FaultyHost implements Clock {
  readonly #clock: Clock;
  #state: 'running' | 'paused' | 'crashed' = 'running';
  #due: HostTimer[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get isCrashed(): boolean {
    return this.#state === 'crashed';
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): number {
    return this.#clock.wallTime();
  }

  setTimer(delayMs: number, action: () => void): Timer {
    const timer: HostTimer = { inner: undefined, action };
    timer.inner = this.#clock.setTimer(delayMs, () => this.#fire(timer));
    return timer;
  }

  clearTimer(timer: Timer): void {
    const own = timer as HostTimer;
    own.action = undefined;
    if (own.inner) this.#clock.clearTimer(own.inner);
  }

  nextTurn(action: () => void): void {
    this.setTimer(0, action);
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const due = this.#due;
    this.#due = [];
    for (const timer of due) timer.inner = this.#clock.setTimer(0, () => this.#fire(timer));
  }

  crash(): void {
    this.#state = 'crashed';
    this.#due = [];
  }

  #fire(timer: HostTimer): void {
    if (this.#state === 'crashed' || !timer.action) return;
    if (this.#state === 'paused') {
      this.#due.push(timer);
      return;
    }
    const { action } = timer;
    timer.action = undefined;
    action();
  }
}
