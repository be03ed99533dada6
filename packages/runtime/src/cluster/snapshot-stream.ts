import type { Clock, SendOutcome, Timer } from '@tutti/kernel';

interface SnapshotStreamOptions {
  readonly clock: Clock;
  /** At most one in this time. */
  readonly intervalMs: number;
  readonly send: (snapshot: unknown) => SendOutcome;
}

/**
 * What a subscriber on another node gets of an actor's snapshots: the latest, at most one per interval. The last one is
 * kept, for when a broken link may have lost it.
 */
export class SnapshotStream {
  readonly #options: SnapshotStreamOptions;
  #latest: { readonly snapshot: unknown } | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(options: SnapshotStreamOptions) {
    this.#options = options;
  }

  next(snapshot: unknown): void {
    this.#latest = { snapshot };
    this.#sendLater();
  }

  /** Sends the latest again. */
  repeat(): void {
    if (this.#latest) this.#sendLater();
  }

  /** Sends what waits for its time now. */
  flush(): void {
    if (this.#timer) this.#send();
  }

  end(): void {
    if (this.#timer) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #sendLater(): void {
    const { clock, intervalMs } = this.#options;
    const delayMs = Math.max(0, this.#sentAt + intervalMs - clock.now());
    this.#timer ??= clock.setTimer(delayMs, () => this.#send());
  }

  #send(): void {
    this.end();
    this.#sentAt = this.#options.clock.now();
    // Without a link it is asked for again when there is one.
    if (this.#options.send(this.#latest!.snapshot) === 'full') this.#sendLater();
  }
}
