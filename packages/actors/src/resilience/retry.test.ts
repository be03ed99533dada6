import { seededRandom, TuttiError } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { isRetryable, retryDelayMs } from './retry.ts';

test('delays grow by the backoff and end when the attempts are used up', () => {
  const policy = { attemptsMax: 4, backoff: { initialMs: 100, factor: 3, maxMs: 500, jitter: 0 } };
  const delays = [1, 2, 3, 4].map((failures) => retryDelayMs(policy, failures, seededRandom(1)));
  expect(delays).toEqual([100, 300, 500, undefined]);
});

test('an error that says it is final, or is known to be, is not tried again; anything else is', () => {
  expect(isRetryable(Object.assign(new Error('no'), { retryable: false }))).toBe(false);
  expect(isRetryable(new TuttiError('TUTTI_PROPOSAL_TOO_LARGE', { bytes: 2, limitBytes: 1 }))).toBe(false);
  expect(isRetryable(new TuttiError('TUTTI_TIMEOUT', { what: 'It', timeoutMs: 1 }))).toBe(true);
  expect(isRetryable(new Error('connection reset'))).toBe(true);
  expect(isRetryable('a text that was thrown')).toBe(true);
});
