import { backoffDelayMs, isTuttiError, type Random } from '@tutti/kernel';
import type { RetryPolicy } from '../engines/workflow/plan.ts';

/** Codes of failures that come out the same however often they are tried: the plan or the node is at fault. */
const FINAL: ReadonlySet<string> = new Set([
  'TUTTI_WORKER_UNKNOWN',
  'TUTTI_WORKER_MODULE_FAILED',
  'TUTTI_OUTPUT_INVALID',
  'TUTTI_PROPOSAL_TOO_LARGE',
]);

/**
 * Whether trying again can help: yes, unless the error says no (`retryable: false` on it) or its code is one of those
 * that do not change. What is not known is tried again, since an attempt costs less than a session.
 */
export function isRetryable(thrown: unknown): boolean {
  if (typeof thrown === 'object' && thrown !== null && 'retryable' in thrown && thrown.retryable === false)
    return false;
  return !(isTuttiError(thrown) && FINAL.has(thrown.code));
}

/**
 * How long the next attempt waits after `failures` failed ones (1 after the first), in milliseconds; undefined when
 * there is none. Attempts lost with their node are not failures.
 */
export function retryDelayMs(policy: RetryPolicy, failures: number, random: Random): number | undefined {
  if (failures >= policy.attemptsMax) return undefined;
  return backoffDelayMs(failures - 1, policy.backoff, random);
}
