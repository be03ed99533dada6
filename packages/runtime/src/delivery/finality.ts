import { type ErrorCode, isTuttiError, TuttiError } from '@tutti/kernel';

/** What does not become better by sending again, as a rule. Everything else may. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'TUTTI_ACTOR_FAILED',
  'TUTTI_CODEC_INVALID',
  'TUTTI_ENTITY_KIND_UNKNOWN',
  'TUTTI_FRAME_TOO_LARGE',
  'TUTTI_MESSAGE_INVALID',
  'TUTTI_PROPOSAL_TOO_LARGE',
  'TUTTI_REPLICATED_REFUSED',
  'TUTTI_THREAD_VALUE',
  'TUTTI_VALUE_NOT_PLAIN',
  'TUTTI_VALUE_TOO_DEEP',
]);

/** Whether no sending again will help; an error may say so itself, or that it is not so this time. */
export function isFinal(error: Error): boolean {
  if (!isTuttiError(error)) return false;
  const said = error.details['isFinal'];
  return typeof said === 'boolean' ? said : FINAL.has(error.code);
}

/** The same error, saying whether it {@link isFinal}. */
export function withFinality(error: TuttiError, isFinal: boolean): TuttiError {
  return new TuttiError(error.code, { ...error.details, isFinal }, { cause: error });
}
