import type { EventObject } from 'xstate';
import { delayMsOf } from '../scheduler/timers.ts';

/** A delayed event of an actor to itself that is kept: each time one is set, it is another of these. */
export interface KeptTimer {
  readonly id: string;
  readonly event: EventObject;
  /** What is left of its delay, in milliseconds; 0 when it is overdue. */
  readonly delayMs: number;
  /** Its id does not name it any more, so that nothing can cancel it. */
  readonly isUnnamed?: boolean;
}

/**
 * What a turn did to the delayed events of an actor to itself: `after`, `raise` with a delay, `sendTo` itself with one. As
 * under XState any number of them may be open under one id, which names the one set last, and none any more as soon as
 * one of them is handled or cancelled. `set`: the id names this one. `freed`: it names one that goes to somebody else, and
 * that nobody keeps. `cancelled`: the one that it names is gone. `gone`: this very one, since it was handled.
 */
export type TimerChange =
  | { readonly type: 'set' | 'gone'; readonly timer: KeptTimer }
  | { readonly type: 'freed' | 'cancelled'; readonly id: string };

/** An action of XState's as its executor sees it. */
interface SeenAction {
  readonly type: string;
  readonly params: unknown;
}

interface DelayParams {
  readonly sendId?: string;
  id?: string | undefined;
  event?: EventObject;
  readonly delay?: number;
  readonly to?: unknown;
}

/**
 * The change that an action of XState's makes to the timers of `self`, if it makes one. What the action sets is marked
 * here, so that the event is known as this timer's when it comes.
 */
export function timerChangeOf(
  { type, params }: SeenAction,
  self: object,
  nextId: () => string,
): TimerChange | undefined {
  const given = (params ?? {}) as DelayParams;
  if (type === 'xstate.cancel')
    return given.sendId === undefined ? undefined : { type: 'cancelled', id: given.sendId };
  if (type !== 'xstate.raise' && type !== 'xstate.sendTo') return undefined;
  if (typeof given.delay !== 'number' || !given.event) return undefined;
  if (type === 'xstate.sendTo' && given.to !== self)
    return given.id === undefined ? undefined : { type: 'freed', id: given.id };
  given.id ??= nextId();
  const timer: KeptTimer = { id: given.id, event: given.event, delayMs: delayMsOf(given.delay) };
  given.event = asTimerEvent(timer);
  return { type: 'set', timer };
}

const timers = new WeakMap<EventObject, KeptTimer>();

/** A copy of a timer's event that is known as such wherever it waits until it is handled. */
export function asTimerEvent(timer: KeptTimer): EventObject {
  const own = { ...timer.event };
  timers.set(own, timer);
  return own;
}

/** The timer that an event came from, when {@link asTimerEvent} made it. */
export const timerOf = (event: EventObject): KeptTimer | undefined => timers.get(event);
