import type { Clock, Random, Thread, ThreadData, ThreadListener, Threads } from '@tutti/kernel';
import { type MemoryThread, memoryThreads } from '@tutti/runtime/memory';
import { digestOf } from './digest.ts';
import type { ThreadModules } from './thread-modules.ts';

/** One thread of a node of a test cluster, and what can be done to it. Nothing is while its node is paused. */
export interface TestThread {
  /** Counted from 1 in each life of its node. */
  readonly number: number;
  readonly isOver: boolean;
  /** Ends it, as code that calls `process.exit` or runs out of memory does. */
  crash(problem?: string): void;
  /** It does and says nothing until {@link goOn}, as one whose code blocks. */
  block(): void;
  goOn(): void;
}

/** How long a message is on its way between a node and one of its threads, in milliseconds. */
const HOP_MS = { least: 0.02, most: 0.2 };

/** The threads of one life of a node: within this process, on its clock. */
export class TestThreads implements Threads {
  readonly #inner;
  readonly #note: (what: string, digest: string) => void;

  /** @param note Told of every batch that passes, so that two runs that differ in one have different traces. */
  constructor(
    clock: Clock,
    random: Random,
    modules: ThreadModules,
    note: (what: string, digest: string) => void,
  ) {
    const hopMs = () => HOP_MS.least + random.float() * (HOP_MS.most - HOP_MS.least);
    this.#inner = memoryThreads(clock, { load: modules.loader(clock), hopMs });
    this.#note = note;
  }

  get begun(): readonly MemoryThread[] {
    return this.#inner.begun;
  }

  start(data: ThreadData, listener: ThreadListener): Thread {
    const number = String(data['thread']);
    const thread = this.#inner.start(data, {
      message: (value) => {
        this.#note(`from thread ${number}`, String(digestOf(value)));
        listener.message(value);
      },
      ended: (problem) => listener.ended(problem),
    });
    return {
      post: (value) => {
        thread.post(value);
        this.#note(`to thread ${number}`, String(digestOf(value)));
      },
      terminate: () => thread.terminate(),
    };
  }
}
