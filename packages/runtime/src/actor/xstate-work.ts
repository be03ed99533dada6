import { type AnyActorLogic, fromPromise } from 'xstate';
import type { ChildActor } from './xstate-self.ts';
import { CHILD_IS_RUNNING } from './xstate-turns.ts';

/** What an actor is at without having been sent anything. Part of `xstate-self.ts`. */

/** XState keeps no mark on what it made, but the `transition` of each promise has the same text. */
const MADE_BY_XSTATE = String(fromPromise(() => Promise.resolve()).transition);

/** Whether `fromPromise` made this logic: it is begun, comes to an end by itself, and cannot go on elsewhere. */
export const isPromise = (logic: AnyActorLogic): boolean =>
  logic.start !== undefined && String(logic.transition) === MADE_BY_XSTATE;

export const isUnderWay = (child: ChildActor): boolean => child._processingStatus === CHILD_IS_RUNNING;
