/** What to do on a tick of the keep-alive timer. */
export type KeepAliveAction = 'ping' | 'dead';

/**
 * Tells a silent link from a quiet one. It counts ticks, not time: when this node's own event loop stalls, only one
 * tick fires however long it took, and what arrived meanwhile is read before the next.
 */
export class KeepAlive {
  readonly #missedMax: number;
  #missed = 0;

  /** @param missedMax Ticks in a row without a frame of the peer, from 1 up, that make the link dead. */
  constructor(missedMax: number) {
    this.#missedMax = missedMax;
  }

  /** A frame of the peer came in. */
  heard(): void {
    this.#missed = 0;
  }

  tick(): KeepAliveAction {
    return this.#missed++ >= this.#missedMax ? 'dead' : 'ping';
  }
}
