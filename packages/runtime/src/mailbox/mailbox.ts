import { assert, Ring } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import { MAILBOX_LIMIT_MAX } from './mailbox-options.ts';
import type { OrderedLane, UserLane, UserMessage } from './user-lane.ts';

/** Events of timers and children that may wait in one system lane; orders to stop and news of children always fit. */
const INNER_EVENTS_MAX = 2 ** 20;

/**
 * The two lanes of one actor that has something to do. The system lane (timers, children, stop, restart) is served
 * first, but for one message of the user lane after as many of its own as a turn has room for, and no overflow policy
 * touches it. An idle actor has no mailbox: it goes back to the pool when it is empty.
 */
export class Mailbox<Signal extends object> {
  readonly user: UserLane;
  /** The user lane, if it has an order of its own. */
  readonly #ordered: OrderedLane | undefined;
  #system: Ring<Signal> | undefined;

  /** @param ordered The user lane of an actor that wants more than one plain line. */
  constructor(ordered?: OrderedLane) {
    this.#ordered = ordered;
    this.user = ordered ?? new Ring<UserMessage>(MAILBOX_LIMIT_MAX);
  }

  /** Whether another actor can have it afterwards. */
  get isPlain(): boolean {
    return this.#ordered === undefined;
  }

  get isEmpty(): boolean {
    return this.user.size === 0 && !this.hasSystem && !this.#ordered?.deferred;
  }

  get hasSystem(): boolean {
    return this.#system !== undefined && this.#system.size > 0;
  }

  /** Whether there is a user message that can be handled now. */
  get hasUser(): boolean {
    return this.#ordered === undefined ? this.user.size > 0 : this.#ordered.isReady;
  }

  /** All messages in it, also those that the state puts off. */
  get waiting(): number {
    return this.user.size + this.deferred;
  }

  /** Messages that the state puts off. */
  get deferred(): number {
    return this.#ordered?.deferred ?? 0;
  }

  /** The caller has compared `user.size` with the actor's own limit, which is at most the lane's. */
  pushUser(message: UserMessage): void {
    assert(this.user.push(message), 'a lane holds the most that any limit allows');
  }

  /** Takes out the message that makes room for a newer one, which may be that one itself. */
  evict(newer: UserMessage): UserMessage {
    return this.#ordered ? this.#ordered.evict(newer) : this.user.shift()!;
  }

  /** Puts an event off that did not come through the user lane, if the present state says so. */
  defer(event: EventObject): boolean {
    return this.#ordered !== undefined && this.#ordered.defer(event);
  }

  /** Everything that waits, for whatever reason, is given out by `user` from now on. */
  open(): void {
    this.#ordered?.open();
  }

  /** Whether one more event of a timer or child would be too many; a broken producer stands behind that. */
  get isSystemFull(): boolean {
    return this.#system !== undefined && this.#system.size >= INNER_EVENTS_MAX;
  }

  pushSystem(signal: Signal): void {
    this.#system ??= new Ring<Signal>(MAILBOX_LIMIT_MAX);
    assert(
      this.#system.push(signal),
      'there are fewer news of children than this, and inner events are bounded',
    );
  }

  shiftSystem(): Signal | undefined {
    return this.#system?.shift();
  }

  /** Places of its arrays, in use or not: what it costs to keep. */
  get capacity(): number {
    return this.user.capacity + (this.#system?.capacity ?? 0);
  }
}

/** Empty mailboxes, kept for whoever gets a message next: as many as `places` allows, whatever their sizes. */
export class MailboxPool<Signal extends object> {
  readonly #free: Mailbox<Signal>[] = [];
  #places: number;

  /** @param places The most places that kept mailboxes have together; the default costs 4 MiB at most. */
  constructor(places = 2 ** 19) {
    this.#places = places;
  }

  take(): Mailbox<Signal> {
    const kept = this.#free.pop();
    if (!kept) return new Mailbox<Signal>();
    this.#places += kept.capacity;
    return kept;
  }

  give(mailbox: Mailbox<Signal>): void {
    if (!mailbox.isPlain || mailbox.capacity > this.#places) return;
    this.#places -= mailbox.capacity;
    this.#free.push(mailbox);
  }
}
