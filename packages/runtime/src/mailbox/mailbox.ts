import { Ring } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { Asked } from '../actor/ask.ts';
import { MAILBOX_LIMIT_MAX } from './mailbox-options.ts';

/** What waits in the user lane: a bare event, or one that somebody waits for an answer to. */
export type UserMessage = EventObject | Asked;

/**
 * The two lanes of one actor that has something to do. The system lane (timers, children, stop, restart) is served
 * first and no overflow policy touches it. An idle actor has no mailbox: it goes back to the pool when it is empty.
 */
export class Mailbox<Signal extends object> {
  readonly user = new Ring<UserMessage>(MAILBOX_LIMIT_MAX);
  #system: Ring<Signal> | undefined;

  get isEmpty(): boolean {
    return this.user.size === 0 && (this.#system === undefined || this.#system.size === 0);
  }

  get hasSystem(): boolean {
    return this.#system !== undefined && this.#system.size > 0;
  }

  /** The caller has compared `user.size` with the actor's own limit, which is at most the ring's. */
  pushUser(message: UserMessage): void {
    this.user.push(message);
  }

  /** False only at 2^20 waiting signals, which stands for a broken producer. */
  pushSystem(signal: Signal): boolean {
    this.#system ??= new Ring<Signal>(MAILBOX_LIMIT_MAX);
    return this.#system.push(signal);
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
    if (mailbox.capacity > this.#places) return;
    this.#places -= mailbox.capacity;
    this.#free.push(mailbox);
  }
}
