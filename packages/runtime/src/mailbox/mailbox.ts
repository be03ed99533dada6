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
  #highWater = 0;

  get isEmpty(): boolean {
    return this.user.size === 0 && (this.#system === undefined || this.#system.size === 0);
  }

  get hasSystem(): boolean {
    return this.#system !== undefined && this.#system.size > 0;
  }

  /** The caller has compared `user.size` with the actor's own limit, which is at most the ring's. */
  pushUser(message: UserMessage): void {
    this.user.push(message);
    if (this.user.size > this.#highWater) this.#highWater = this.user.size;
  }

  /** False only at 2^20 waiting signals, which stands for a broken producer. */
  pushSystem(signal: Signal): boolean {
    this.#system ??= new Ring<Signal>(MAILBOX_LIMIT_MAX);
    return this.#system.push(signal);
  }

  shiftSystem(): Signal | undefined {
    return this.#system?.shift();
  }

  /** Whether its arrays are still small enough to be worth keeping for the next actor. */
  get isReusable(): boolean {
    return this.#highWater <= 1024;
  }
}

/** Empty mailboxes, kept for whoever gets a message next. It holds at most `limit`. */
export class MailboxPool<Signal extends object> {
  readonly #free: Mailbox<Signal>[] = [];
  readonly #limit: number;

  constructor(limit = 1024) {
    this.#limit = limit;
  }

  take(): Mailbox<Signal> {
    return this.#free.pop() ?? new Mailbox<Signal>();
  }

  give(mailbox: Mailbox<Signal>): void {
    if (this.#free.length < this.#limit && mailbox.isReusable) this.#free.push(mailbox);
  }
}
