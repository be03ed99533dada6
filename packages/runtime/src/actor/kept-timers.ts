import type { EventObject } from 'xstate';

/**
 * What a turn did to the delayed events of an actor to itself: `after`, `raise` with a delay, `sendTo` itself with one.
 * `gone`: it was cancelled, or its event was handled.
 */
export type TimerChange =
  | { readonly type: 'set'; readonly id: string; readonly event: EventObject; readonly delayMs: number }
  | { readonly type: 'gone'; readonly id: string };

/** A delayed event that a keeper has kept, with what is left of its delay; 0 when it is overdue. */
export interface KeptTimer {
  readonly id: string;
  readonly event: EventObject;
  readonly delayMs: number;
}

/** An action of XState's as its executor sees it. */
interface SeenAction {
  readonly type: string;
  readonly params: unknown;
}

interface DelayParams {
  readonly sendId?: string;
  id?: string | undefined;
  readonly event?: EventObject;
  readonly delay?: number;
  readonly to?: unknown;
}

/**
 * The change that an action of XState's makes to the timers of `self`, if it makes one. An action without an id is given
 * one here, so that the timer in memory and the one that is kept have the same.
 */
export function timerChangeOf(
  { type, params }: SeenAction,
  self: object,
  nextId: () => string,
): TimerChange | undefined {
  const given = (params ?? {}) as DelayParams;
  if (type === 'xstate.cancel')
    return given.sendId === undefined ? undefined : { type: 'gone', id: given.sendId };
  const isToSelf = type === 'xstate.raise' || (type === 'xstate.sendTo' && given.to === self);
  if (!isToSelf || typeof given.delay !== 'number' || !given.event) return undefined;
  given.id ??= nextId();
  return { type: 'set', id: given.id, event: given.event, delayMs: given.delay };
}

const timerIds = new WeakMap<EventObject, string>();

/** A copy of a timer's event that is known as such wherever it waits until it is handled. */
export function asTimerEvent(event: EventObject, id: string): EventObject {
  const own = { ...event };
  timerIds.set(own, id);
  return own;
}

/** The timer that an event came from, when {@link asTimerEvent} made it. */
export const timerIdOf = (event: EventObject): string | undefined => timerIds.get(event);
