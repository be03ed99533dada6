import type { EventObject, Snapshot } from 'xstate';

/**
 * What a full mailbox does with one more message. A message that loses its place is always a counted dead letter.
 * What the sender notices of it is said at {@link MailboxOptions.overflow}.
 */
export type MailboxOverflow = 'drop-new' | 'drop-old' | 'reject' | 'defer';

/**
 * Lanes of one mailbox, the most urgent first. With neither `lanes` nor `laneOf` there is one for each urgency, and an
 * event is in that of its `urgency`, `medium` if it has none: an envelope's, or any event's that has such a field.
 */
export interface PriorityOptions {
  /** How many, from 2 to {@link PRIORITY_LANES_MAX}. Goes with `laneOf`. */
  readonly lanes?: number;
  /**
   * The lane of an event, from 0, the most urgent, to `lanes - 1`. Anything else, and a throw, is the last one.
   * Within a lane messages keep their order; across lanes they do not.
   */
  readonly laneOf?: (event: EventObject) => number;
  /**
   * How many messages of other lanes may be handled while one lane waits; default 16. After that it has its turn, so
   * that none waits for more than this many and the number of the other lanes.
   */
  readonly starvationBound?: number;
}

/** How many user messages may wait for one actor, in what order, and what happens to the next one. */
export interface MailboxOptions {
  /** From 1 to {@link MAILBOX_LIMIT_MAX}, or `Infinity`, which stands for that; default {@link MAILBOX_LIMIT_DEFAULT}. */
  readonly limit?: number;
  /**
   * Default `reject`: the newest message is not taken, and whoever asked is told `TUTTI_OVERLOADED`. `drop-new` does the
   * same, but an ask is left to its deadline. `drop-old` makes room by losing the oldest waiting message, of the least
   * urgent lane where there are several. `defer` loses nothing yet: the message waits in its order, and the actor of
   * this node that sent it handles no further message until there is room again (its signals it does handle). Up to
   * `deferLimit` messages wait so; the next one is refused as with `reject`. Nobody is held for its own mailbox, in a
   * ring of actors that wait for each other, or when it has been told to stop; nor are senders that are no actors.
   */
  readonly overflow?: MailboxOverflow;
  /** With `overflow: 'defer'`: how many messages may wait beyond the limit; default 1,000. */
  readonly deferLimit?: number;
  /** Lets some messages overtake others: `urgency` is short for `{}`. By default all wait in one line. */
  readonly priority?: PriorityOptions | 'urgency';
  /**
   * Event types that are put off in the present state, as in `meta: { defer: ['PAY'] }` of a machine's state, which
   * needs no option; with both, both hold. A type may end in `.*`, and `*` is every type. What is put off is handled
   * first, in the order it came, when its type is not in the list any more. Must be quick, and depend on the snapshot alone.
   */
  readonly defer?: (snapshot: Snapshot<unknown>) => readonly string[];
  /** How many messages may be put off by state; default 1,000. More are dead letters (`stash-full`). */
  readonly stashLimit?: number;
}

/** The bound of a mailbox that says nothing of it: 2^20 messages. */
export const MAILBOX_LIMIT_DEFAULT = 2 ** 20;

/** The bound of every mailbox: 2^26 messages, which is more than the memory of most nodes has room for. */
export const MAILBOX_LIMIT_MAX = 2 ** 26;

/** The most lanes of one mailbox. */
export const PRIORITY_LANES_MAX = 16;
