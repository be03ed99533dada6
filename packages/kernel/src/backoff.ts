import type { Random } from './random.ts';

/** How long to wait before trying again. All times in milliseconds. */
export interface BackoffOptions {
  /** Wait before the first retry; default 100. */
  readonly initialMs?: number;
  /** The longest wait, jitter included; default 30,000. */
  readonly maxMs?: number;
  /** What each wait is multiplied by for the next; default 2; 1 makes it constant. */
  readonly factor?: number;
  /** How much of the wait is random, 0 to 1; default 0.2. 1 is "full jitter". */
  readonly jitter?: number;
}

/** The wait before retry number `retry` (0 is the first). The one formula for every retry in Tutti. */
export function backoffDelayMs(retry: number, options: BackoffOptions, random: Random): number {
  const { initialMs = 100, maxMs = 30_000, factor = 2, jitter = 0.2 } = options;
  // The power may be beyond what a number holds, and no wait times that is still none.
  const growth = Math.min(factor ** Math.min(retry, 64), Number.MAX_VALUE);
  const full = Math.min(maxMs, initialMs * growth);
  return Math.round(full * (1 - jitter * random.float()));
}
