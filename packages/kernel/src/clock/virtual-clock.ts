import { assert } from '../assert.ts';
import { Heap } from '../collections/heap.ts';
import type { Clock, Timer } from './clock.ts';

interface Entry {
  readonly at: number;
  readonly order: number;
  action: (() => void) | undefined;
}

/**
 * Time that moves only when told. Timers fire in order of instant, then of setting; the next turn is a timer of
 * zero delay. An hour of quiet costs nothing.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #epoch: number;
  readonly #queue = new Heap<Entry>((a, b) => a.at - b.at || a.order - b.order);

  /** @param epoch What {@link wallTime} says at the start; by default 2026-01-01T00:00:00Z. */
  constructor(epoch = 1_767_225_600_000) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#epoch + this.#now;
  }

  setTimer(delayMs: number, action: () => void): Timer {
    assert(!Number.isNaN(delayMs), 'a delay is a number');
    const entry: Entry = { at: this.#now + Math.max(0, delayMs), order: this.#order++, action };
    if (entry.at !== Infinity) this.#queue.push(entry);
    return entry;
  }

  clearTimer(timer: Timer): void {
    (timer as Entry).action = undefined;
  }

  nextTurn(action: () => void): void {
    this.setTimer(0, action);
  }

  /** When the next timer is due, in this clock's milliseconds; undefined when nothing is left to happen. */
  nextAt(): number | undefined {
    for (let head = this.#queue.peek(); head; head = this.#queue.peek()) {
      if (head.action) return head.at;
      this.#queue.pop();
    }
    return undefined;
  }

  /** Goes to the next timer and fires that one. False when nothing is left to happen. */
  step(): boolean {
    if (this.nextAt() === undefined) return false;
    const entry = this.#queue.pop()!;
    assert(entry.at >= this.#now, 'time does not go back');
    this.#now = entry.at;
    const action = entry.action!;
    entry.action = undefined;
    action();
    return true;
  }

  /** Fires everything due within the next `durationMs`, and ends exactly there, or where an action advanced to. */
  advance(durationMs: number): void {
    const until = this.#now + durationMs;
    for (let at = this.nextAt(); at !== undefined && at <= until; at = this.nextAt()) this.step();
    this.#now = Math.max(this.#now, until);
  }
}

/** Lets promises settle between timers: for code that awaits while time is virtual. */
export async function runVirtual(
  clock: VirtualClock,
  until: () => boolean,
  limitMs = Infinity,
): Promise<void> {
  const end = clock.now() + limitMs;
  for (;;) {
    await settled();
    if (until() || clock.now() > end || !clock.step()) return;
  }
}

/** Resolves once every promise reaction that is queued now, and those that they queue, have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
