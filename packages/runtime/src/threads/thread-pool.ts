import { type Clock, type Random, type Threads, TuttiError } from '@tutti/kernel';
import { Outpost, type OutpostCell } from './outpost.ts';
import type { DoorSystem } from './thread-door.ts';
import { ThreadSlot } from './thread-slot.ts';
import type { ThreadedSpec } from './threaded.ts';

/** What threads a node has for its actors, and what bounds them. */
export interface ThreadOptions {
  readonly threads: Threads;
  /** The most threads at a time; each is begun when it is first needed. At least 1. */
  readonly size: number;
  /**
   * How long a thread may say nothing before it is taken for hung and ended; default 30,000. It is told between once and
   * twice this time; one that begins has 30,000 at least. `Infinity` waits for ever.
   */
  readonly hangMs?: number;
  /** Messages of one actor that may be in its thread, neither handled nor put off by its state; default 64. */
  readonly windowMax?: number;
  /** The same of all actors of one thread together; default 1,024. */
  readonly outstandingMax?: number;
}

/** What the pool needs of its node. */
export interface PoolSystem extends DoorSystem {
  readonly nodeId: string;
  readonly incarnation: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** One thread of a node, as a status page shows it. */
export interface ThreadStatus {
  readonly thread: number;
  readonly actors: number;
  /** Messages in the mailboxes of its actors. */
  readonly outstanding: number;
  /** Whether it was ended and runs all the same, since it blocks in a call into the system. Nobody is in it any more. */
  readonly isStuck: boolean;
}

/** The threads of a node. An actor goes to the one with the fewest actors, and stays there for one life. */
export class ThreadPool {
  readonly #system: PoolSystem;
  readonly #options: ThreadOptions;
  readonly #slots: ThreadSlot[] = [];
  #threadsBegun = 0;
  #livesBegun = 0;
  #stopped: PromiseWithResolvers<void> | undefined;

  /** @throws TuttiError `TUTTI_OPTION_INVALID` */
  constructor(system: PoolSystem, options: ThreadOptions) {
    this.#system = system;
    this.#options = options;
    const { size, windowMax = 1, outstandingMax = 1, hangMs = 1 } = options;
    for (const [option, value] of Object.entries({ size, windowMax, outstandingMax }))
      if (!Number.isInteger(value) || value < 1) throw invalid(option, value, 'a whole number from 1');
    if (!(hangMs > 0)) throw invalid('hangMs', hangMs, 'milliseconds above 0, or Infinity');
  }

  /** What a cell has that runs this. */
  outpost(cell: OutpostCell, spec: ThreadedSpec): Outpost {
    const { windowMax = 64 } = this.#options;
    return new Outpost(cell, spec, { windowMax, place: () => this.#place() });
  }

  status(): readonly ThreadStatus[] {
    return this.#slots.map(({ number, load, outstanding, isStuck }) => ({
      thread: number,
      actors: load,
      outstanding,
      isStuck,
    }));
  }

  /** Ends every thread, and resolves when none runs but those that are stuck. */
  stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = Promise.withResolvers();
      for (const slot of this.#slots) slot.end('its node has stopped');
      this.#settle();
    }
    return this.#stopped.promise;
  }

  #place(): ThreadSlot {
    if (this.#stopped) throw new TuttiError('TUTTI_CLOSED', { what: 'The thread pool' });
    const open = this.#slots.filter((slot) => !slot.isEnding);
    const [least] = open.toSorted((a, b) => a.load - b.load || a.outstanding - b.outstanding);
    const isEnough = least?.load === 0 || open.length >= this.#options.size;
    return least && isEnough ? least : this.#begin();
  }

  #begin(): ThreadSlot {
    const { nodeId, incarnation, random } = this.#system;
    const { threads, outstandingMax = 1_024, hangMs = 30_000 } = this.#options;
    const number = ++this.#threadsBegun;
    const slot = new ThreadSlot({
      number,
      threads,
      clock: this.#system.clock,
      system: this.#system,
      data: { node: nodeId, incarnation, thread: number, seed: random.uint32() },
      outstandingMax,
      hangMs,
      nextLife: () => ++this.#livesBegun,
      mayGiveUp: () => this.#stopped !== undefined || this.#stuck < this.#options.size,
      onEnded: (ended, why) => this.#ended(ended, why),
      onFreed: (freed) => this.#remove(freed),
    });
    this.#slots.push(slot);
    this.#system.logger.info({ thread: number }, 'a thread has begun');
    return slot;
  }

  #ended(slot: ThreadSlot, why: string): void {
    if (!slot.isStuck) this.#remove(slot);
    const { number: thread, isStuck } = slot;
    const text = isStuck ? 'a thread is given up: it was ended, and runs all the same' : 'a thread has ended';
    this.#system.logger[this.#stopped ? 'info' : 'warn']({ thread, why }, text);
    this.#settle();
  }

  #remove(slot: ThreadSlot): void {
    this.#slots.splice(this.#slots.indexOf(slot), 1);
  }

  get #stuck(): number {
    return this.#slots.filter(({ isStuck }) => isStuck).length;
  }

  #settle(): void {
    if (this.#slots.length === this.#stuck) this.#stopped?.resolve();
  }
}

const invalid = (option: string, value: unknown, expected: string): TuttiError =>
  new TuttiError('TUTTI_OPTION_INVALID', { option: `threads.${option}`, value: String(value), expected });
