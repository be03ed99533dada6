import { assert, type Clock, Ring } from '@tutti/kernel';

/** What can be given the processor. */
export interface Runnable {
  /** True while it stands in the queue; the queue owns this. */
  isQueued: boolean;
  /** Handles at most `budget` messages and says how many. */
  run(budget: number): number;
  /** Whether it has more to do. */
  readonly isReady: boolean;
}

/** How the processor is shared among actors. */
export interface RunQueueOptions {
  readonly clock: Clock;
  /** Most actors that may stand in the queue. */
  readonly limit: number;
  /** Messages one actor handles before the next one's turn. */
  readonly quantum: number;
  /** Milliseconds from the eighth message on, after which the event loop gets its turn; looked at every 64 messages. */
  readonly turnMs: number;
}

/** Messages per turn of the event loop even when the clock stands still, as it does on virtual time. */
const TURN_MESSAGES_MAX = 16_384;
const MESSAGES_PER_CLOCK_READ = 64;
/** A turn of fewer messages reads no clock: for a single one that would be a tenth of what it takes. */
const UNTIMED_MESSAGES = 8;

/**
 * The queue of actors that are ready, first come, first served. An actor with more to do than its quantum goes to the
 * end. The whole node takes one hop through the event loop per turn, never one per message, and sending only puts an
 * actor in here, so no send ever runs a receiver on the sender's stack.
 */
export class RunQueue {
  readonly #queue: Ring<Runnable>;
  readonly #options: RunQueueOptions;
  readonly #turn = () => this.#runTurn();
  /** Who has the processor now; undefined between turns. */
  running: Runnable | undefined;
  #hopIsPending = false;
  #isRunning = false;

  constructor(options: RunQueueOptions) {
    this.#options = options;
    this.#queue = new Ring<Runnable>(options.limit, 64);
  }

  /** How many actors wait for their turn. */
  get size(): number {
    return this.#queue.size;
  }

  /** Makes sure the actor gets a turn. */
  ready(actor: Runnable): void {
    if (actor.isQueued) return;
    actor.isQueued = true;
    assert(this.#queue.push(actor), 'each actor stands in the queue at most once');
    if (!this.#isRunning) this.#hop();
  }

  #hop(): void {
    if (this.#hopIsPending) return;
    this.#hopIsPending = true;
    this.#options.clock.nextTurn(this.#turn);
  }

  #runTurn(): void {
    this.#hopIsPending = false;
    this.#isRunning = true;
    try {
      this.#drain();
    } finally {
      this.running = undefined;
      this.#isRunning = false;
      if (this.#queue.size > 0) this.#hop();
    }
  }

  #drain(): void {
    const { clock, quantum, turnMs } = this.#options;
    let until = Infinity;
    let handled = 0;
    let nextClockRead = UNTIMED_MESSAGES;
    for (let actor = this.#queue.shift(); actor; actor = this.#queue.shift()) {
      actor.isQueued = false;
      this.running = actor;
      handled += Math.max(1, actor.run(quantum));
      if (actor.isReady && !actor.isQueued) {
        actor.isQueued = true;
        this.#queue.push(actor);
      }
      if (handled < nextClockRead) continue;
      // At the next multiple, whatever the first reading was at: or a long turn could not end before 72.
      nextClockRead = handled - (handled % MESSAGES_PER_CLOCK_READ) + MESSAGES_PER_CLOCK_READ;
      const now = clock.now();
      if (until === Infinity) until = now + turnMs;
      if (handled >= TURN_MESSAGES_MAX || now >= until) return;
    }
  }
}
