/** The asks that end with one signal, by their places in the table. */
interface Sharing {
  readonly asks: Set<number>;
  readonly onAbort: () => void;
}

/**
 * Which asks end when a signal is aborted. However many share one, as those of one request or of a shutdown do, it has one
 * listener: a signal walks through all that it has to add one, and to take one off.
 */
export class AskSignals {
  readonly #signals = new Map<AbortSignal, Sharing>();
  readonly #abort: (asks: ReadonlySet<number>) => void;

  /** @param abort Told of all the asks that share a signal, in the order of {@link add}, when it is aborted. */
  constructor(abort: (asks: ReadonlySet<number>) => void) {
    this.#abort = abort;
  }

  add(signal: AbortSignal, ask: number): void {
    const known = this.#signals.get(signal);
    if (known) return void known.asks.add(ask);
    const asks = new Set([ask]);
    const onAbort = () => {
      this.#signals.delete(signal);
      this.#abort(asks);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#signals.set(signal, { asks, onAbort });
  }

  /** The ask is over. */
  delete(signal: AbortSignal, ask: number): void {
    const known = this.#signals.get(signal);
    if (!known?.asks.delete(ask) || known.asks.size > 0) return;
    this.#signals.delete(signal);
    signal.removeEventListener('abort', known.onAbort);
  }
}
