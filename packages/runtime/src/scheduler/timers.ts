import type { Clock, Timer } from '@tutti/kernel';

/** What a delay comes to: one that was computed may be no number, and is none then, as for every timer of the platform. */
export const delayMsOf = (delay: number): number => (Number.isNaN(delay) ? 0 : delay);

/** One timer: set, then fired, then done with; or cancelled at any point before that. */
export interface TimerEntry<Source extends object, Payload> {
  readonly source: Source;
  readonly id: string;
  readonly payload: Payload;
  /** On the clock's `now`. */
  readonly dueAt: number;
  /** A timer that fired may still wait in a mailbox; cancelling it then must still keep it from being delivered. */
  isCancelled: boolean;
  timer: Timer | undefined;
}

interface OwnTimers<Source extends object, Payload> {
  readonly all: Set<TimerEntry<Source, Payload>>;
  readonly latest: Map<string, TimerEntry<Source, Payload>>;
}

/**
 * The timers of one life of one actor and of the children that run inside it, by who set them. Stopping costs as much
 * as there are timers of its own, however many the node has. An id names the timer that was set last with it, and is
 * free again as soon as any timer with it is delivered: that is how XState has it, and machines are written for that.
 */
export class ActorTimers<Source extends object, Payload> {
  readonly #clock: Clock;
  readonly #bySource = new Map<Source, OwnTimers<Source, Payload>>();
  #fired = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether any has fired and is not delivered. */
  get hasFired(): boolean {
    return this.#fired > 0;
  }

  /** Timers that are set, or have fired and are not delivered. */
  get size(): number {
    let size = 0;
    for (const own of this.#bySource.values()) size += own.all.size;
    return size;
  }

  /**
   * @param delay In milliseconds.
   * @param again Of one that was set in an earlier life: it fires at once when it is overdue.
   */
  set(
    source: Source,
    id: string,
    delay: number,
    payload: Payload,
    fire: (entry: TimerEntry<Source, Payload>) => void,
    again?: { readonly isNamed: boolean },
  ): void {
    const delayMs = delayMsOf(delay);
    const dueAt = this.#clock.now() + delayMs;
    const entry: TimerEntry<Source, Payload> = {
      source,
      id,
      payload,
      dueAt,
      isCancelled: false,
      timer: undefined,
    };
    let own = this.#bySource.get(source);
    if (!own) this.#bySource.set(source, (own = { all: new Set(), latest: new Map() }));
    own.all.add(entry);
    if (again?.isNamed !== false) own.latest.set(id, entry);
    const goOff = () => {
      entry.timer = undefined;
      this.#fired++;
      fire(entry);
    };
    if (again && delayMs <= 0) goOff();
    else entry.timer = this.#clock.setTimer(delayMs, goOff);
  }

  /** Whether anything is due by then, on the clock's `now`, or is and has not been delivered. */
  isDueBy(at: number): boolean {
    for (const { all } of this.#bySource.values()) for (const { dueAt } of all) if (dueAt <= at) return true;
    return false;
  }

  /** Says that a timer that fired has been delivered. */
  done(entry: TimerEntry<Source, Payload>): void {
    if (!entry.timer) this.#fired--;
    const own = this.#bySource.get(entry.source);
    own?.all.delete(entry);
    own?.latest.delete(entry.id);
    if (own?.all.size === 0) this.#bySource.delete(entry.source);
  }

  /** Cancels the timer that the source's id names, fired or not. */
  cancel(source: Source, id: string): void {
    const entry = this.#bySource.get(source)?.latest.get(id);
    if (entry) this.#cancelEntry(entry);
  }

  cancelAll(source: Source): void {
    for (const entry of this.#bySource.get(source)?.all ?? []) this.#cancelEntry(entry);
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
