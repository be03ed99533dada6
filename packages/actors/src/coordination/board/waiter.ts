/** One call that waits, however it ends. */
export interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Passes on how the wait ends, and then listens to its signal no more: one signal may live as long as its process, and
 * serve any number of calls.
 * @param abort What to do when the signal says so; for one that said so before, it is the caller's to do.
 */
export function abortableWaiter<T>(
  { resolve, reject }: Waiter<T>,
  signal: AbortSignal | undefined,
  abort: () => void,
): Waiter<T> {
  const stopListening = () => signal?.removeEventListener('abort', abort);
  signal?.addEventListener('abort', abort, { once: true });
  return {
    resolve(value) {
      stopListening();
      resolve(value);
    },
    reject(error) {
      stopListening();
      reject(error);
    },
  };
}
