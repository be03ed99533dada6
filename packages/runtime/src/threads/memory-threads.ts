import { type Clock, type Thread, type ThreadListener, type Threads, TuttiError } from '@tutti/kernel';
import { ThreadHost, type ThreadHostOptions } from './thread-host.ts';

/** A thread that is none, and what can be done to it. */
export interface MemoryThread extends Thread {
  readonly number: number;
  /** Ends by itself, as when its process code exits or throws. What it said and was not heard yet is lost. */
  crash(problem: string): void;
  /** Does and says nothing until {@link goOn}, as one whose code blocks. */
  block(): void;
  /** As {@link block}, within a call into the system: what ends it meanwhile takes effect when it goes on. */
  stick(): void;
  goOn(): void;
  readonly isOver: boolean;
}

/** Threads that run within this one on its clock, so that the same run comes again. */
export interface MemoryThreads extends Threads {
  /** All that were ever begun. */
  readonly begun: readonly MemoryThread[];
}

/** What threads within this one are made with. */
export interface MemoryThreadsOptions {
  /** Imports a module and takes an export, as a thread does for itself. */
  readonly load: ThreadHostOptions['load'];
  /** How long the next message, or the news of its end, is on its way, in milliseconds; default 0. None overtakes another. */
  readonly hopMs?: () => number;
}

/** Exports by their name, of modules by theirs. */
export type ModulesByName = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Takes exports from these modules. */
export function loadFrom(modules: ModulesByName): ThreadHostOptions['load'] {
  return (module, exported) => {
    const found = modules[module];
    if (found) return Promise.resolve(found[exported]);
    return Promise.reject(new TuttiError('TUTTI_INTERNAL', { problem: `there is no module ${module}` }));
  };
}

/** Makes threads that are none, on the clock of whoever has them. */
export function memoryThreads(clock: Clock, options: MemoryThreadsOptions): MemoryThreads {
  const begun: MemoryThread[] = [];
  return {
    begun,
    start(data, listener) {
      const thread = new InnerThread(clock, options, data, listener);
      begun.push(thread);
      return thread;
    },
  };
}

/** One direction between a thread and its node: copies, in order. */
class Way {
  readonly #clock: Clock;
  readonly #hopMs: () => number;
  readonly #arrive: (copy: unknown) => void;
  readonly #under: unknown[] = [];

  constructor(clock: Clock, hopMs: () => number, arrive: (copy: unknown) => void) {
    this.#clock = clock;
    this.#hopMs = hopMs;
    this.#arrive = arrive;
  }

  /** @throws when the value cannot be cloned */
  carry(value: unknown): void {
    this.#under.push(structuredClone(value));
    // Whichever of them is due brings the one that has waited longest.
    this.#clock.setTimer(this.#hopMs(), () => this.#arrive(this.#under.shift()));
  }
}

class InnerThread implements MemoryThread {
  readonly number: number;
  readonly #clock: Clock;
  readonly #listener: ThreadListener;
  readonly #hopMs: () => number;
  readonly #in: Way;
  isOver = false;
  /** What waits to be taken in while it is blocked. */
  #held: (() => void)[] | undefined;
  #isStuck = false;
  #isDoomed = false;

  constructor(
    clock: Clock,
    { load, hopMs = () => 0 }: MemoryThreadsOptions,
    data: ThreadHostOptions['data'],
    listener: ThreadListener,
  ) {
    this.number = Number(data['thread']);
    this.#clock = clock;
    this.#listener = listener;
    this.#hopMs = hopMs;
    const out = new Way(clock, hopMs, (copy) => {
      if (!this.isOver) listener.message(copy);
    });
    const host = new ThreadHost({
      data,
      clock: this.#ownClock(),
      post: (value) => out.carry(value),
      load: (module, exported) => this.#within(load(module, exported)),
    });
    this.#in = new Way(clock, hopMs, (copy) => this.#inside(() => host.receive(copy)));
  }

  post(value: unknown): void {
    this.#in.carry(value);
  }

  terminate(): void {
    if (this.#isStuck) this.#isDoomed = true;
    else this.crash('it was terminated');
  }

  crash(problem: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#clock.setTimer(this.#hopMs(), () => this.#listener.ended(problem));
  }

  block(): void {
    this.#held ??= [];
  }

  stick(): void {
    this.block();
    this.#isStuck = true;
  }

  goOn(): void {
    this.#isStuck = false;
    if (this.#isDoomed) return this.terminate();
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const act of held) this.#inside(act);
  }

  #inside(act: () => void): void {
    if (this.isOver) return;
    if (this.#held) this.#held.push(act);
    else act();
  }

  #within<Value>(promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#inside(() => resolve(value)),
        (thrown: Error) => this.#inside(() => reject(thrown)),
      );
    });
  }

  #ownClock(): Clock {
    const clock = this.#clock;
    return {
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      setTimer: (delayMs, action) => clock.setTimer(delayMs, () => this.#inside(action)),
      clearTimer: (timer) => clock.clearTimer(timer),
      nextTurn: (action) => clock.nextTurn(() => this.#inside(action)),
    };
  }
}
