import type { Clock } from '@tutti/kernel';

/** What bounds one turn of the event loop. */
export interface TurnOptions {
  readonly clock: Clock;
  /** Messages one actor handles before the next one's turn. */
  readonly quantum: number;
  /** Milliseconds from the first look at the clock on, after which the event loop gets its turn. */
  readonly turnMs: number;
}

/** Messages per turn of the event loop even when the clock stands still, as it does on virtual time. */
const MESSAGES_MAX = 16_384;
/** Messages between two looks at the clock, at most. */
const STRIDE_MAX = 64;
/** How many times that is with each look that finds messages fast. */
const STRIDE_GROWTH = 4;
/** Messages without a look at the beginning of a turn, of which many are of a single one; and of an actor's. */
const UNTIMED_MESSAGES = 8;
/** More milliseconds than that between two looks are too many, whatever the number of messages. */
const STRIDE_MS = 0.5;

/**
 * One turn of the event loop after the other: says how long each may go on. A look at the clock costs as much as a fast
 * message, so there is one in 64 while they are fast. Those of an actor that was slow when it last had the processor are
 * looked at one by one, and exceed the time by one at most; of another by eight, before it is found slow.
 */
export class Turn {
  readonly quantum: number;
  readonly #clock: Clock;
  readonly #turnMs: number;
  #handled = 0;
  #isOver = false;
  /** What the last look found. */
  #isSlow = false;
  /** Undefined before the first look. */
  #endsAt: number | undefined;
  #lookedAt = 0;
  /** Messages since then. */
  #unseen = 0;
  /** At so many the next look is due. */
  #stride = UNTIMED_MESSAGES;
  /** Of the present actor's messages, those that have been counted. */
  #counted = 0;

  constructor({ clock, quantum, turnMs }: TurnOptions) {
    this.#clock = clock;
    this.quantum = quantum;
    this.#turnMs = turnMs;
  }

  /** Whether the actor that had the processor last is slow. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  begin(): void {
    this.#handled = 0;
    this.#isOver = false;
    this.#endsAt = undefined;
    this.#unseen = 0;
    this.#stride = UNTIMED_MESSAGES;
  }

  /**
   * The next actor has the processor.
   * @param wasSlow What {@link isSlow} said when it last had it
   * @returns how many messages it may handle, 1 at least, before it asks for {@link more}
   */
  enter(wasSlow: boolean): number {
    this.#counted = 0;
    if (wasSlow || this.#isSlow) {
      if (this.#endsAt === undefined || this.#unseen > 0) this.#look();
      this.#stride = 1;
    } else this.#stride = Math.min(this.#stride, this.#unseen + UNTIMED_MESSAGES);
    return Math.min(this.quantum, this.#stride - this.#unseen);
  }

  /** @returns how many in all it may handle before it asks again; no more than it has, if it is to leave */
  more(handled: number): number {
    this.#count(handled);
    if (this.#isOver) return handled;
    return Math.max(handled, Math.min(this.quantum, handled + this.#stride - this.#unseen));
  }

  /** @returns whether the turn is over */
  leave(handled: number): boolean {
    this.#count(Math.max(1, handled));
    return this.#isOver || this.#handled >= MESSAGES_MAX;
  }

  #count(handled: number): void {
    const more = handled - this.#counted;
    this.#counted = handled;
    this.#handled += more;
    this.#unseen += more;
    if (this.#unseen >= this.#stride) this.#look();
  }

  #look(): void {
    const now = this.#clock.now();
    if (this.#endsAt === undefined) {
      this.#endsAt = now + this.#turnMs;
      this.#stride = 1; // only after the next is it known how long they take
    } else {
      this.#isSlow = now - this.#lookedAt > STRIDE_MS;
      this.#stride = this.#isSlow ? 1 : Math.min(STRIDE_MAX, STRIDE_GROWTH * this.#stride);
    }
    this.#lookedAt = now;
    this.#unseen = 0;
    this.#isOver = now >= this.#endsAt;
  }
}
