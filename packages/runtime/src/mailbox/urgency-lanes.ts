import type { EventObject } from 'xstate';
import { URGENCIES, type Urgency } from '../message/envelope.ts';

/** One lane for each urgency. */
export const URGENCY_LANES = URGENCIES.length;

const MEDIUM = URGENCIES.indexOf('medium');

/** The lane of an event by what it says of its urgency: 0 is `critical`. What says nothing, or no urgency, is `medium`. */
export function urgencyLaneOf(event: EventObject): number {
  const { urgency } = event as EventObject & { readonly urgency?: Urgency };
  const rank = urgency === undefined ? MEDIUM : URGENCIES.indexOf(urgency);
  return URGENCY_LANES - 1 - (rank < 0 ? MEDIUM : rank);
}
