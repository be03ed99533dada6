import { durationMs, isTuttiError, TuttiError } from '@tutti/kernel';
import { DURATION_EXPECTED } from '../config/settings.ts';

/** What a timer can wait for; of more it would not wait at all. */
const DURATION_MS_MAX = 2 ** 31 - 1;

/** Refuses what an option was given. */
export function optionInvalid(option: string, value: unknown, expected: string): TuttiError {
  return new TuttiError('TUTTI_OPTION_INVALID', { option, value, expected });
}

/** The whole number that an option was given. @throws TuttiError `TUTTI_OPTION_INVALID` */
export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && value <= most && text.trim() !== '') return value;
  throw optionInvalid(option, text, `a whole number from ${least} to ${most}`);
}

/** The duration that an option was given, in milliseconds, above 0. @throws TuttiError `TUTTI_OPTION_INVALID` */
export function durationOption(option: string, text: string): number {
  try {
    const ms = durationMs(text);
    if (ms > 0 && ms <= DURATION_MS_MAX) return ms;
  } catch (thrown) {
    if (!isTuttiError(thrown, 'TUTTI_DURATION_INVALID')) throw thrown;
  }
  throw optionInvalid(option, text, `${DURATION_EXPECTED}; above 0 and at most 24d`);
}
