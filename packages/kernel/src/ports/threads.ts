/** What a thread is told when it begins: plain data. */
export type ThreadData = Readonly<Record<string, string | number>>;

/** Told what a thread says, and once that it has ended, after everything that it said. Must not throw. */
export interface ThreadListener {
  message(value: unknown): void;
  /** @param problem Why, in words: its exit code, or what was thrown in it. */
  ended(problem: string): void;
}

/** A thread that runs. */
export interface Thread {
  /**
   * Hands a value over, copied as structured cloning does (HTML Standard, section 2.7). Values arrive in order; those
   * that the thread did not take before its end are lost.
   * @throws when the value cannot be cloned, and then nothing was handed over
   */
  post(value: unknown): void;
  /** Ends it now, whatever it does. Its end is told to the listener, as any other. */
  terminate(): void;
}

/** Threads as a port: whoever hosts actors beside the event loop is handed one. */
export interface Threads {
  /** Begins a thread. It may be posted to at once. */
  start(data: ThreadData, listener: ThreadListener): Thread;
}
