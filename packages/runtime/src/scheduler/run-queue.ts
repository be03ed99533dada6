import { assert, Ring } from '@tutti/kernel';
import { Turn, type TurnOptions } from './turn.ts';

/** What can be given the processor. */
export interface Runnable {
  /** True while it stands in the queue; the queue owns this. */
  isQueued: boolean;
  /** Whether it was slow when it last had the processor; the queue owns this. */
  isSlow: boolean;
  /** Handles as many messages as the turn has for it, and says how many. */
  run(turn: Turn): number;
  /** Whether it has more to do. */
  readonly isReady: boolean;
}

/** How the processor is shared among actors. */
export interface RunQueueOptions extends TurnOptions {
  /** Most actors that may stand in the queue. */
  readonly limit: number;
}

/**
 * The queue of actors that are ready, first come, first served. An actor with more to do than its quantum goes to the
 * end. The whole node takes one hop through the event loop per turn, never one per message, and sending only puts an
 * actor in here, so no send ever runs a receiver on the sender's stack.
 */
export class RunQueue {
  readonly #queue: Ring<Runnable>;
  readonly #options: RunQueueOptions;
  readonly #turn: Turn;
  readonly #runTurn = () => this.#run();
  /** Who has the processor now; undefined between turns. */
  running: Runnable | undefined;
  #hopIsPending = false;
  #isRunning = false;

  constructor(options: RunQueueOptions) {
    this.#options = options;
    this.#turn = new Turn(options);
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
    this.#options.clock.nextTurn(this.#runTurn);
  }

  #run(): void {
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
    const turn = this.#turn;
    turn.begin();
    for (let actor = this.#queue.shift(); actor; actor = this.#queue.shift()) {
      actor.isQueued = false;
      this.running = actor;
      const isOver = turn.leave(actor.run(turn));
      actor.isSlow = turn.isSlow;
      if (actor.isReady && !actor.isQueued) {
        actor.isQueued = true;
        this.#queue.push(actor);
      }
      if (isOver) return;
    }
  }
}
