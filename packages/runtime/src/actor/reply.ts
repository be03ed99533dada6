import {
  type ActionFunction,
  type AnyActorScope,
  type EventObject,
  fromTransition,
  type MachineContext,
  type NonReducibleUnknown,
  type ParameterizedObject,
  type TransitionActorLogic,
} from 'xstate';
import { holdThrough, replyThrough } from './xstate-adapter.ts';
import { asksOnceOfScope, type Reducer } from './xstate-reducer.ts';

const REPLIES = new WeakSet<object>();

/** What a reply is computed from. */
export interface ReplyArgs<Context, Event> {
  readonly context: Context;
  readonly event: Event;
}

/**
 * An action for machines that answers the ask that is being handled. When nobody asked, or under plain XState, it does
 * nothing; so an event may be sent or asked alike. The first reply to an ask counts, and a further one in the same turn
 * is nobody's. Released, like every effect, after the snapshot is committed. For an answer that is not known yet, see
 * {@link replyLater}.
 *
 * @param value The answer, or a function of context and event. A function as such cannot be an answer.
 */
export function reply<
  Context extends MachineContext,
  // The event that the action sees, and all events of the machine: XState keeps the two apart, as its own actions do.
  ExpressionEvent extends EventObject,
  Params extends ParameterizedObject['params'] | undefined,
  Event extends EventObject,
  Value = unknown,
>(
  value: Value | ((args: ReplyArgs<Context, ExpressionEvent>) => Value),
): ActionFunction<Context, ExpressionEvent, Event, Params, never, never, never, never, never> {
  const compute =
    typeof value === 'function' ? (value as (args: ReplyArgs<Context, ExpressionEvent>) => Value) : undefined;
  const action: ActionFunction<Context, ExpressionEvent, Event, Params, never, never, never, never, never> =
    function reply({ context, event, self }) {
      replyThrough(self, compute ? compute({ context, event }) : value);
    };
  REPLIES.add(action);
  return action;
}

/** Whether an action was made by {@link reply}. Its name would not tell: anybody may call an action of theirs so. */
export const isReply = (action: object): boolean => REPLIES.has(action);

/**
 * An action that keeps the ask being handled until a later `reply(...)`: one in the same turn answers that ask, and one
 * that runs while no ask is handled answers the ask held longest. For machines that must wait for a promise or another
 * actor before they know the answer. At most 10,000 are held; those still held when the actor stops or restarts fail
 * with `TUTTI_ACTOR_UNKNOWN`.
 */
export function replyLater(): ({ self }: { self: unknown }) => void {
  return function replyLater({ self }) {
    holdThrough(self);
  };
}

/** A reducer that can answer: like the one of `fromTransition`, with `reply` as third argument. */
export type ReplyingTransition<Context, Event extends EventObject> = (
  context: Context,
  event: Event,
  reply: (value: unknown) => void,
) => Context;

/**
 * `fromTransition` for reducers that answer asks. The answer goes out when the new context has been committed. A `reply`
 * that is called after the reducer has returned does nothing: by then the actor may be at somebody else's ask.
 */
export function replying<Context, Event extends EventObject, Input extends NonReducibleUnknown = undefined>(
  transition: ReplyingTransition<Context, Event>,
  initialContext: Context | ((args: { input: Input }) => Context),
): TransitionActorLogic<Context, Event, Input> {
  const step = (context: Context, event: Event, scope: AnyActorScope): Context => {
    const { self, defer } = scope;
    let isOver = false;
    try {
      return transition(context, event, (value) => {
        if (!isOver) defer(() => void replyThrough(self, value));
      });
    } finally {
      isOver = true;
    }
  };
  asksOnceOfScope(step as Reducer);
  return fromTransition<Context, Event, AnyActorScope['system'], Input>(step, initialContext);
}
