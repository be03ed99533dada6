import type { WriteCallback } from '../storage/log-store.ts';

/** Several writes, and one callback for all: when each is durable or has failed, with the first failure. */
export class JointWrite {
  readonly #done: WriteCallback;
  /** Writes that are under way, and the end of the list that is still to come. */
  #open = 1;
  #failure: Error | undefined;

  constructor(done: WriteCallback) {
    this.#done = done;
  }

  /** One more write is begun, which is to call this back. */
  one(): WriteCallback {
    this.#open++;
    return this.#settled;
  }

  /** No more is begun. */
  end(failure?: Error): void {
    this.#settled(failure);
  }

  readonly #settled: WriteCallback = (failure) => {
    this.#failure ??= failure;
    if (--this.#open === 0) this.#done(this.#failure);
  };
}
