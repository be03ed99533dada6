import { type Clock, TuttiError } from '@tutti/kernel';
import type { KeptTimer, TimerChange } from '../actor/kept-timers.ts';
import type { Ref } from '../actor/ref.ts';
import { decodeRefs, encodeRefs } from '../cluster/ref-codec.ts';
import type { StoredTimer } from './entity-states.ts';

/** Most delayed events of one entity that are open at one time. */
export const ENTITY_TIMERS_MAX = 1_024;

/** Stored timers as they are to be set again: with what is left of each delay on this node's clock. */
export function keptTimers(
  stored: readonly StoredTimer[],
  clock: Clock,
  makeRef: (address: string) => Ref,
): readonly KeptTimer[] {
  const now = clock.wallTime();
  return stored.map(({ id, event, at }) => ({
    id,
    event: decodeRefs(event, makeRef) as KeptTimer['event'],
    delayMs: Math.max(0, at - now),
  }));
}

/**
 * What is stored once a turn has made these changes. Timers are part of an entity's state: what sets one, and what
 * handles one, goes into the log with the snapshot of the same turn.
 * @throws TuttiError `TUTTI_OVERLOADED`
 */
export function timersAfter(
  stored: readonly StoredTimer[],
  changes: readonly TimerChange[],
  clock: Clock,
): readonly StoredTimer[] {
  if (changes.length === 0) return stored;
  const next = new Map(stored.map((timer) => [timer.id, timer]));
  for (const change of changes) {
    next.delete(change.id);
    if (change.type === 'set') next.set(change.id, toStore(change, clock));
  }
  const { size } = next;
  if (size > ENTITY_TIMERS_MAX)
    throw new TuttiError('TUTTI_OVERLOADED', {
      what: 'The timers of an entity',
      size,
      limit: ENTITY_TIMERS_MAX,
    });
  return [...next.values()];
}

function toStore({ id, event, delayMs }: Extract<TimerChange, { type: 'set' }>, clock: Clock): StoredTimer {
  const at = Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(clock.wallTime() + (delayMs > 0 ? delayMs : 0)));
  return { id, event: encodeRefs(event), at };
}

/** When the first of them is due, in milliseconds since 1970; `Infinity` without any. */
export function nextDueAt(stored: readonly StoredTimer[] = []): number {
  return stored.reduce((first, { at }) => Math.min(first, at), Number.POSITIVE_INFINITY);
}
