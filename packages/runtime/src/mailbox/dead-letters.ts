import type { EventObject } from 'xstate';
import type { Address } from '../actor/ref.ts';

/**
 * Why a message did not reach its actor. `unknown-actor`: no such actor, or not any more. `stale-incarnation`: the
 * address is of an earlier life of this node. `stopped`: it was still waiting when its actor stopped. `overflow-new` and
 * `overflow-old`: a full mailbox refused it, or dropped it for a newer one. `stash-full`: its actor was waiting for a
 * restart and its stash was full. `no-resolver`: nothing on this node knows such addresses. `late-reply`: a reply to an
 * ask that is over. `unreachable`: the link to the other node would not take it.
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
  | 'unreachable';

/** A message that was not delivered. */
export interface DeadLetter {
  readonly address: Address;
  readonly event: EventObject;
  readonly reason: DeadLetterReason;
}

/** Counts every message that is not delivered, and shows each to whoever listens. */
export interface DeadLetters {
  /** Calls back for each one from now on; returns the function that ends it. A listener that throws is logged. */
  onDeadLetter(listener: (letter: DeadLetter) => void): () => void;
  /** How many there have been, by reason. */
  counts(): Readonly<Record<DeadLetterReason, number>>;
  /** Reports one; for the parts of a node that carry messages elsewhere. */
  publish(address: Address, event: EventObject, reason: DeadLetterReason): void;
}
