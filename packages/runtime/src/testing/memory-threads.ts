import { type Clock, type Thread, type ThreadListener, type Threads, TuttiError } from '@tutti/kernel';
import type { AnyActorLogic } from 'xstate';
import { ThreadHost } from '../threads/thread-host.ts';

/** A thread that is none, and what can be done to it. */
export interface MemoryThread extends Thread {
  readonly number: number;
  /** Ends by itself, as when its process code exits or throws. */
  crash(problem: string): void;
  /** Does and says nothing until {@link goOn}, as one whose code blocks. */
  block(): void;
  goOn(): void;
  readonly isOver: boolean;
}

/** Threads that run within this one on its clock, so that the same run comes again. */
export interface MemoryThreads extends Threads {
  /** All that were ever begun. */
  readonly begun: readonly MemoryThread[];
}

/** @param modules What can be imported in the threads: exports by the name of their module. */
export function memoryThreads(
  clock: Clock,
  modules: Readonly<Record<string, Readonly<Record<string, AnyActorLogic>>>>,
): MemoryThreads {
  const begun: MemoryThread[] = [];
  return {
    begun,
    start(data, listener) {
      const thread = new InnerThread(clock, modules, data, listener);
      begun.push(thread);
      return thread;
    },
  };
}

class InnerThread implements MemoryThread {
  readonly number: number;
  readonly #clock: Clock;
  readonly #listener: ThreadListener;
  readonly #host: ThreadHost;
  isOver = false;
  /** What waits to be taken in while it is blocked. */
  #held: (() => void)[] | undefined;

  constructor(
    clock: Clock,
    modules: Parameters<typeof memoryThreads>[1],
    data: ConstructorParameters<typeof ThreadHost>[0]['data'],
    listener: ThreadListener,
  ) {
    this.number = Number(data['thread']);
    this.#clock = clock;
    this.#listener = listener;
    this.#host = new ThreadHost({
      data,
      clock: this.#ownClock(),
      post: (value) => {
        const copy: unknown = structuredClone(value);
        clock.nextTurn(() => !this.isOver && listener.message(copy));
      },
      load: (module, exported) => {
        const found = modules[module];
        if (found) return Promise.resolve(found[exported]);
        return Promise.reject(new TuttiError('TUTTI_INTERNAL', { problem: `there is no module ${module}` }));
      },
    });
  }

  post(value: unknown): void {
    const copy: unknown = structuredClone(value);
    this.#clock.nextTurn(() => this.#inside(() => this.#host.receive(copy)));
  }

  terminate(): void {
    this.crash('it was terminated');
  }

  crash(problem: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#clock.nextTurn(() => this.#listener.ended(problem));
  }

  block(): void {
    this.#held ??= [];
  }

  goOn(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const act of held) this.#inside(act);
  }

  #inside(act: () => void): void {
    if (this.isOver) return;
    if (this.#held) this.#held.push(act);
    else act();
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
