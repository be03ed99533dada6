import type { Clock, Timer } from '@tutti/kernel';

/** One timer: set, then fired, then done with; or cancelled at any point before that. */
export interface TimerEntry<Source extends object, Payload> {
  readonly source: Source;
  readonly id: string;
  readonly payload: Payload;
  /** A timer that fired may still wait in a mailbox; cancelling it then must still keep it from being delivered. */
  isCancelled: boolean;
  timer: Timer | undefined;
}

/**
 * The timers of one life of one actor and of the children that run inside it, by who set them. Stopping costs as much
 * as there are timers of its own, however many the node has.
 */
export class ActorTimers<Source extends object, Payload> {
  readonly #clock: Clock;
  readonly #bySource = new Map<Source, Set<TimerEntry<Source, Payload>>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Timers that are set, or have fired and are not delivered. */
  get size(): number {
    let size = 0;
    for (const entries of this.#bySource.values()) size += entries.size;
    return size;
  }

  set(
    source: Source,
    id: string,
    delayMs: number,
    payload: Payload,
    fire: (entry: TimerEntry<Source, Payload>) => void,
  ): void {
    const entry: TimerEntry<Source, Payload> = { source, id, payload, isCancelled: false, timer: undefined };
    let own = this.#bySource.get(source);
    if (!own) this.#bySource.set(source, (own = new Set()));
    own.add(entry);
    entry.timer = this.#clock.setTimer(delayMs, () => {
      entry.timer = undefined;
      fire(entry);
    });
  }

  /** Says that a timer that fired has been delivered. */
  done(entry: TimerEntry<Source, Payload>): void {
    const own = this.#bySource.get(entry.source);
    own?.delete(entry);
    if (own?.size === 0) this.#bySource.delete(entry.source);
  }

  /** Cancels every timer of the source that has this id, fired or not. */
  cancel(source: Source, id: string): void {
    const own = this.#bySource.get(source);
    if (!own) return;
    for (const entry of own) if (entry.id === id) this.#cancelEntry(entry);
  }

  cancelAll(source: Source): void {
    for (const entry of this.#bySource.get(source) ?? []) this.#cancelEntry(entry);
  }

  /** Cancels whatever anybody set. */
  clear(): void {
    for (const source of this.#bySource.keys()) this.cancelAll(source);
  }

  #cancelEntry(entry: TimerEntry<Source, Payload>): void {
    entry.isCancelled = true;
    if (entry.timer) this.#clock.clearTimer(entry.timer);
    this.done(entry);
  }
}
