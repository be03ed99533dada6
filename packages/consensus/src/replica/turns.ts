import type { Clock, Timer } from '@tutti/kernel';

/** What happens in a turn. Neither is called once {@link Turns.end} was. */
export interface TurnListener {
  /** Something came in since the last turn; called once, however much it was. */
  drive(): void;
  /** One unit of time has passed. */
  tick(): void;
}

/** When a driver gets to run: once per turn of the event loop in which something came in, and once per tick. */
export class Turns {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #listener: TurnListener;
  #scheduled = false;
  #ended = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, tickMs: number, listener: TurnListener) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#listener = listener;
  }

  begin(): void {
    this.#armTimer();
    this.schedule();
  }

  end(): void {
    this.#ended = true;
    if (this.#timer) this.#clock.clearTimer(this.#timer);
  }

  /** No tick comes until {@link resume}; turns are still given. */
  pause(): void {
    if (this.#timer) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  resume(): void {
    if (!this.#timer && !this.#ended) this.#armTimer();
  }

  /** Asks for a turn: everything that one poll of the sockets brings is handled in the same one. */
  schedule(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    this.#clock.nextTurn(() => {
      this.#scheduled = false;
      if (!this.#ended) this.#listener.drive();
    });
  }

  /** The tick is judged a turn later: after a stall of the loop, what the peers sent meanwhile is heard first. */
  #armTimer(): void {
    this.#timer = this.#clock.setTimer(this.#tickMs, () => {
      this.#armTimer();
      this.#clock.nextTurn(() => {
        if (!this.#ended && this.#timer) this.#listener.tick();
      });
    });
  }
}
