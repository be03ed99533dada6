import type { EventObject } from 'xstate';
import { Asked } from '../actor/ask.ts';
import { DELIVERY, type DeliveryEvent } from '../delivery/delivery-log.ts';

/** What waits in the user lane: a bare event, or one that somebody waits for an answer to. */
export type UserMessage = EventObject | Asked;

/** The messages that wait for one actor. A plain ring is one. */
export interface UserLane {
  /** How many wait. What is put off by state is not among them. */
  readonly size: number;
  /** Places of its arrays, in use or not. */
  readonly capacity: number;
  push(message: UserMessage): boolean;
  /** The next message to handle; undefined when there is none now. */
  shift(): UserMessage | undefined;
}

/** A lane with an order of its own. */
export interface OrderedLane extends UserLane {
  /** Whether the next {@link UserLane.shift} may give something. */
  readonly isReady: boolean;
  /** Messages put off until the state allows them. */
  readonly deferred: number;
  /** Takes out what is worth least, so that the newer one fits: the newer one itself when that is worth least. */
  evict(newer: UserMessage): UserMessage;
  /** Puts an event off that came another way, if its type is to wait now. */
  defer(event: EventObject): boolean;
  /** From now on everything is given out, whatever the state. For the end of the actor. */
  open(): void;
}

/** What is in a message; of a numbered one, what its actor is going to see. */
export function eventOf(message: UserMessage): EventObject {
  const event = message instanceof Asked ? message.event : message;
  return event.type === DELIVERY ? ((event as DeliveryEvent).event ?? event) : event;
}
