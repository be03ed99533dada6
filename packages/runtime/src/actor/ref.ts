import type { NodeId } from '@tutti/kernel';
import type { EventObject } from 'xstate';

/**
 * Where an actor is. Text, so that it crosses the wire and is a key in maps:
 * `local:<node>/<incarnation>/<path>#<uid>`, `entity:<kind>/<key>` (the key may hold anything), `replicated:<name>`.
 * A local address names one life of a node, and by its uid one actor of that life: a message for an earlier life, or
 * for an actor that is gone, is a dead letter also when another one lives at the path by now. Without `#<uid>` it
 * names whoever lives at the path, for those who know nothing but the name.
 */
export type Address = string;

/** How long to wait for a reply, and how to call it off. */
export interface AskOptions {
  /** Default 5,000. Expiry rejects with `TUTTI_ASK_TIMEOUT`; a late reply is dropped and counted. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /**
   * Whether an ask made while an actor handles another one ends with that one at the latest; default true. Nobody waits
   * for what comes later.
   */
  readonly inheritDeadline?: boolean;
}

/** Why an actor is gone. `unknown` is told to who watches an actor that was gone already. */
export type TerminationReason = 'stopped' | 'done' | 'failed' | 'node-lost' | 'unknown';

/** The one notice that a watcher gets. */
export interface Terminated {
  readonly address: Address;
  readonly reason: TerminationReason;
  /** What it failed with, in words. */
  readonly problem?: string;
}

/** Who follows snapshots: a function, or what has one as `next`. */
export type SnapshotListener<Snapshot> = ((snapshot: Snapshot) => void) | { next?(snapshot: Snapshot): void };

/**
 * A handle on an actor, wherever it lives: here, on another node, an entity, or replicated. Refs are values: they
 * compare by {@link address}, and survive being put into an event that crosses the wire.
 */
export interface Ref<Event extends EventObject = EventObject, Snapshot = unknown> {
  readonly address: Address;
  /** At most once, in order per sender and receiver; never runs the receiver on this stack, never throws. */
  send(event: Event): void;
  /**
   * Sends and waits for the receiver's `reply(...)`.
   * @throws TuttiError `TUTTI_ASK_TIMEOUT`, `TUTTI_ACTOR_UNKNOWN`, `TUTTI_ABORTED`, or what the actor failed with
   */
  ask<Reply = unknown>(event: Event, options?: AskOptions): Promise<Reply>;
  /** Calls back exactly once when the actor is gone for good, at once if it is gone already, also if its node dies. */
  watch(listener: (notice: Terminated) => void): () => void;
  /** Calls back with the current snapshot and then with each committed one (remote: the latest, throttled). */
  subscribe(listener: SnapshotListener<Snapshot>): () => void;
  /**
   * Asks it to stop, after what is in its mailbox has been handled or its shutdown deadline is over. Resolves when it has
   * ended or is not there, however long that takes and whoever waits for it; of an entity it rejects with `TUTTI_CLOSED`
   * when the node that asks stops before.
   */
  stop(): Promise<void>;
}

export const listenerOf = <Value>(listener: SnapshotListener<Value>): ((value: Value) => void) =>
  typeof listener === 'function' ? listener : (value) => listener.next?.(value);

/** The node an address is tied to, when it is tied to one. */
export function nodeOf(address: Address): NodeId | undefined {
  return address.startsWith('local:') ? (address.slice(6, address.indexOf('/')) as NodeId) : undefined;
}
