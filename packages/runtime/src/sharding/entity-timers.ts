import { type Clock, TuttiError } from '@tutti/kernel';
import type { KeptTimer, TimerChange } from '../actor/kept-timers.ts';
import type { Ref } from '../actor/ref.ts';
import { decodeRefs, encodeRefs } from '../cluster/ref-codec.ts';
import type { StoredTimer } from './entity-states.ts';

/** Most delayed events of one entity that are open at one time. */
export const ENTITY_TIMERS_MAX = 1_024;

/** The open timers of an entity that is alive, in the order in which they were set: what it has, and what is stored of it. */
export type EntityTimers = ReadonlyMap<KeptTimer, StoredTimer>;

/**
 * Stored timers as they are to be set again: with what is left of each delay on this node's clock. Of several under one id
 * only the last may be named by it.
 */
export function timersFrom(
  stored: readonly StoredTimer[],
  clock: Clock,
  makeRef: (address: string) => Ref,
): EntityTimers {
  const now = clock.wallTime();
  const last = new Map(stored.map((row) => [row.id, row]));
  return new Map(
    stored.map((row): [KeptTimer, StoredTimer] => {
      const { id, at } = row;
      const event = decodeRefs(row.event, makeRef) as KeptTimer['event'];
      const isUnnamed = row.isUnnamed === true || last.get(id) !== row;
      const timer: KeptTimer = { id, event, delayMs: Math.max(0, at - now), isUnnamed };
      return [timer, isUnnamed ? unnamed(row) : row];
    }),
  );
}

/** They are set again in the order in which they are due, so that those which are overdue come in it. */
export function inOrderOfTime(timers: EntityTimers): readonly KeptTimer[] {
  return [...timers].sort(([, a], [, b]) => a.at - b.at).map(([timer]) => timer);
}

/**
 * What is open once a turn has made these changes. Timers are part of an entity's state: what sets one, and what handles
 * one, goes into the log with the snapshot of the same turn.
 * @throws TuttiError `TUTTI_OVERLOADED`
 */
export function timersAfter(
  timers: EntityTimers,
  changes: readonly TimerChange[],
  clock: Clock,
): EntityTimers {
  if (changes.length === 0) return timers;
  const next = new OpenTimers(timers);
  for (const change of changes) {
    if ('timer' in change) {
      if (change.type === 'set') next.set(change.timer, clock);
      else next.gone(change.timer);
    } else if (change.type === 'cancelled') next.cancel(change.id);
    else next.free(change.id);
  }
  const { size } = next.rows;
  if (size > ENTITY_TIMERS_MAX)
    throw new TuttiError('TUTTI_OVERLOADED', {
      what: 'The timers of an entity',
      size,
      limit: ENTITY_TIMERS_MAX,
    });
  return next.rows;
}

/** Open timers while a turn changes them, by the rules of XState's scheduler. */
class OpenTimers {
  readonly rows: Map<KeptTimer, StoredTimer>;
  /** By id the one that it names. */
  readonly #named = new Map<string, KeptTimer>();

  constructor(timers: EntityTimers) {
    this.rows = new Map(timers);
    for (const [timer, { id, isUnnamed }] of timers) if (!isUnnamed) this.#named.set(id, timer);
  }

  set(timer: KeptTimer, clock: Clock): void {
    const { id, event, delayMs } = timer;
    this.free(id);
    const at = Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(clock.wallTime() + (delayMs > 0 ? delayMs : 0)));
    this.rows.set(timer, { id, event: encodeRefs(event), at });
    this.#named.set(id, timer);
  }

  gone(timer: KeptTimer): void {
    this.rows.delete(timer);
    this.free(timer.id);
  }

  cancel(id: string): void {
    const timer = this.#named.get(id);
    if (timer) this.gone(timer);
  }

  /** The id names none of them any more. */
  free(id: string): void {
    const timer = this.#named.get(id);
    if (!timer) return;
    this.#named.delete(id);
    const row = this.rows.get(timer);
    if (row) this.rows.set(timer, unnamed(row));
  }
}

function unnamed(row: StoredTimer): StoredTimer {
  return row.isUnnamed ? row : { ...row, isUnnamed: true };
}

/** What goes into the log. @param saysUnnamed whether all members keep that a timer is unnamed, see `LEVEL.unnamedTimers` */
export function rowsOf(timers: EntityTimers, saysUnnamed: boolean): readonly StoredTimer[] {
  const rows = [...timers.values()];
  return saysUnnamed ? rows : rows.map(({ id, event, at }) => ({ id, event, at }));
}

/** When the first of them is due, in milliseconds since 1970; `Infinity` without any. */
export function nextDueAt(stored: readonly StoredTimer[] = []): number {
  return stored.reduce((first, { at }) => Math.min(first, at), Number.POSITIVE_INFINITY);
}
