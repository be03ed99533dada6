import { setImmediate as turn } from 'node:timers/promises';

/**
 * Work runs inside a node that also has to answer its peers, so a long loop goes in slices: call `next` between two
 * pieces of work. It gives the event loop a turn once `sliceMs` of work have been done, and throws when the attempt
 * was aborted.
 */
export class Pace {
  readonly #signal: AbortSignal;
  readonly #sliceMs: number;
  #begun = performance.now();

  constructor(signal: AbortSignal, sliceMs = 4) {
    this.#signal = signal;
    this.#sliceMs = sliceMs;
  }

  async next(): Promise<void> {
    if (performance.now() - this.#begun < this.#sliceMs) return;
    await turn();
    this.#signal.throwIfAborted();
    this.#begun = performance.now();
  }
}
