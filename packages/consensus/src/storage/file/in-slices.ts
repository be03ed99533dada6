import { type DiskCalls, readFully } from './disk-calls.ts';

/** Bytes that are looked at, or put together, in one turn of the event loop. */
export const SLICE_BYTES = 2 ** 20;

/** Does work that pauses now and then: each part of it in a turn of its own. */
export function inSlices<T>(
  disk: Pick<DiskCalls, 'nextTurn'>,
  work: Generator<void, T>,
  done: (failure: Error | undefined, result?: T) => void,
): void {
  const next = (): void => {
    let step: IteratorResult<void, T>;
    try {
      step = work.next();
    } catch (thrown) {
      return done(thrown as Error);
    }
    if (step.done) done(undefined, step.value);
    else disk.nextTurn(next);
  };
  disk.nextTurn(next);
}

/** All at once. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Reads a file while the loop goes on; of one that is not there, nothing. */
export function readSliced(
  disk: DiskCalls,
  path: string,
  done: (failure: Error | undefined, bytes?: Buffer) => void,
): void {
  if (!disk.existsSync(path)) return disk.nextTurn(() => done(undefined, Buffer.alloc(0)));
  disk.open(path, 'r', (failure, handle) => {
    if (failure) return done(failure);
    const bytes = Buffer.alloc(disk.fstatSync(handle).size);
    const readFrom = (offset: number): void => {
      const piece = bytes.subarray(offset, offset + SLICE_BYTES);
      if (piece.length === 0) return disk.close(handle, () => done(undefined, bytes));
      readFully(disk, handle, piece, offset, (problem, bytesRead) => {
        if (!problem && bytesRead === piece.length) return readFrom(offset + piece.length);
        const cut = problem ?? new Error('a file became shorter while it was read');
        disk.close(handle, () => done(cut));
      });
    };
    readFrom(0);
  });
}
