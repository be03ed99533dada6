import type { Clock, Timer } from '@tutti/kernel';

const AGAIN_MS = 1_000;

/** What found no room somewhere, to be tried again a second later: each thing once, all of them on one timer. */
export class TryAgain<Thing> {
  readonly #clock: Clock;
  readonly #attempt: (thing: Thing) => void;
  readonly #waiting = new Set<Thing>();
  #timer: Timer | undefined;

  /** @param attempt May add the thing anew. */
  constructor(clock: Clock, attempt: (thing: Thing) => void) {
    this.#clock = clock;
    this.#attempt = attempt;
  }

  add(thing: Thing): void {
    this.#waiting.add(thing);
    this.#timer ??= this.#clock.setTimer(AGAIN_MS, () => {
      this.#timer = undefined;
      const due = [...this.#waiting];
      this.#waiting.clear();
      for (const each of due) this.#attempt(each);
    });
  }

  delete(thing: Thing): void {
    if (!this.#waiting.delete(thing) || this.#waiting.size > 0 || !this.#timer) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
