import { isTuttiError, messageOf, TuttiError } from '@tutti/kernel';
import type { Address } from '../actor/ref.ts';

/** What a failed ask says on the wire, to another node or another thread. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What was thrown by an actor that gave it no code is its failure. */
export function errorToWire(error: unknown, address: Address): WireError {
  const coded = isTuttiError(error)
    ? error
    : new TuttiError('TUTTI_ACTOR_FAILED', { address, problem: messageOf(error) });
  return { code: coded.code, message: coded.message, details: coded.details };
}

export function errorFromWire(error: WireError): TuttiError {
  return TuttiError.fromJSON({
    code: error.code,
    message: error.message,
    details: error.details ?? {},
  });
}
