import type { EventObject } from 'xstate';
import type { Address } from '../actor/ref.ts';

/**
 * Why a message did not reach its actor. `unknown-actor`: no such actor, or not any more. `stale-incarnation`: the
 * address is of an earlier life of this node, or of an actor whose path another one has taken over; or an in-machine
 * child wrote to an earlier life of its parent. `stopped`: it was still waiting when its actor stopped, or came later.
 * `overflow-new` and `overflow-old`: a full mailbox refused it, or dropped it for a newer one. `stash-full`: its actor
 * was waiting for a restart, or put it off in its present state, and had no room for one more. `no-resolver`: nothing on
 * this node knows such addresses. `late-reply`: a reply to an ask that is over. `unreachable`: the link to the other node,
 * or to a thread, would not take it. `unconfirmed`: a reliable channel took it and ended before the receiver had handled it. `no-routee`:
 * a router had nobody to give it to. `slow-subscriber`: a subscriber of a topic had too much waiting. `unknown-kind`: an
 * envelope was of no kind that this node knows, or malformed. `thread-lost`: it was in a thread that ended without a word.
 */
export type DeadLetterReason =
  | 'unknown-actor'
  | 'stale-incarnation'
  | 'stopped'
  | 'overflow-new'
  | 'overflow-old'
  | 'stash-full'
  | 'no-resolver'
  | 'late-reply'
  | 'unreachable'
  | 'unconfirmed'
  | 'no-routee'
  | 'slow-subscriber'
  | 'unknown-kind'
  | 'thread-lost';

/** A message that was not delivered. */
export interface DeadLetter {
  readonly address: Address;
  readonly event: EventObject;
  readonly reason: DeadLetterReason;
  /** How many of the kind there were, when several are told at once, as those that were lost inside a thread are. */
  readonly count?: number;
}

/**
 * Counts every message that is not delivered, and shows each to whoever listens. The node's log has at most five lines
 * of one reason in ten seconds, and says how many it left out.
 */
export interface DeadLetters {
  /**
   * Calls back for each one from now on; returns the function that ends it. A listener that throws is logged. Letters
   * that listeners cause themselves are counted, and not shown.
   */
  onDeadLetter(listener: (letter: DeadLetter) => void): () => void;
  /** How many there have been, by reason. */
  counts(): Readonly<Record<DeadLetterReason, number>>;
  /** Reports one, or several of a kind; for the parts of a node that carry messages elsewhere. */
  publish(address: Address, event: EventObject, reason: DeadLetterReason, count?: number): void;
}
