import {
  type AnyActorLogic,
  type AnyActorScope,
  type EventObject,
  fromTransition,
  type Snapshot,
} from 'xstate';

/**
 * The short way for logic that `fromTransition` made: its function is called directly, and the next snapshot is one
 * object of a fixed shape where XState spreads the last one. It belongs to `xstate-adapter.ts`, and is held to the same
 * comparison with `createActor`.
 */
export type Reducer = (context: unknown, event: EventObject, scope: AnyActorScope) => unknown;

interface ReducerSnapshot {
  readonly status: 'active';
  readonly output: undefined;
  readonly error: undefined;
  readonly context: unknown;
}

/** XState keeps no mark on what it made, but its `transition` always has the same text, and `config` is the function. */
const MADE_BY_XSTATE = String(fromTransition(() => undefined, undefined).transition);

/** The function of a logic that `fromTransition` made; undefined for every other logic. */
export function reducerOf(logic: AnyActorLogic): Reducer | undefined {
  const { config } = logic as { config?: unknown };
  if (logic.start || typeof config !== 'function') return undefined;
  return String(logic.transition) === MADE_BY_XSTATE ? (config as Reducer) : undefined;
}

/** Reducers that take their scope apart at once, and do not go back to it. */
const undemanding = new WeakSet<Reducer>();

/** Says of a reducer that it takes what it needs of its scope before it returns, so that one scope will do for all. */
export function asksOnceOfScope(reducer: Reducer): void {
  undemanding.add(reducer);
}

/** How a parameter list says more than `length` tells: a default value, or all the rest. */
const UNCOUNTED = /=(?!>)|\.\.\./;

/** Whether a function may keep its third argument, the scope: for most there is none to keep, and they need none of their own. */
export function mayKeepScope(reducer: Reducer): boolean {
  if (undemanding.has(reducer)) return false;
  if (reducer.length > 2) return true;
  const text = String(reducer);
  const [parameters = ''] = text.split(/=>|\)\s*\{/, 1);
  return UNCOUNTED.test(parameters) || /\barguments\b|\[native code\]/.test(text);
}

export function reduce(
  reducer: Reducer,
  snapshot: Snapshot<unknown>,
  event: EventObject,
  scope: AnyActorScope,
): Snapshot<unknown> {
  const context = reducer((snapshot as ReducerSnapshot).context, event, scope);
  return { status: 'active', output: undefined, error: undefined, context } as Snapshot<unknown>;
}
