import { type Clock, TuttiError } from '@tutti/kernel';
import type { LogStore, WriteCallback } from '../storage/log-store.ts';

/** The longest that stopping waits for a disk. */
const STOP_WAIT_MS = 10_000;

/** How long stopping waits for a disk: a write has this bound, and nobody waits for a stop longer than that. */
export const stopWaitMs = (flushTimeoutMs: number): number => Math.min(flushTimeoutMs, STOP_WAIT_MS);

/**
 * Closes what writes to a disk. One that does not come back must not hold up whoever stops: after `waitMs` they are told
 * `TUTTI_STORE_HUNG`.
 */
export function closeInTime(
  store: Pick<LogStore, 'close'>,
  clock: Clock,
  waitMs: number,
  done: WriteCallback,
): void {
  let isTold = false;
  const tell = (failure: Error | undefined): void => {
    clock.clearTimer(timer);
    if (!isTold) done(failure);
    isTold = true;
  };
  const timer = clock.setTimer(waitMs, () => tell(new TuttiError('TUTTI_STORE_HUNG', { waitedMs: waitMs })));
  store.close(tell);
}
