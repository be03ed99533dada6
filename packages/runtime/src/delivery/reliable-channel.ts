import { type Clock, isTuttiError, Ring, type Timer, TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { Address, Ref } from '../actor/ref.ts';
import type { DeadLetters } from '../mailbox/dead-letters.ts';
import { DELIVERY, type DeliveryEvent, type Receipt } from './delivery-log.ts';
import { isFinal } from './finality.ts';
import type { Birth } from './forgotten-channels.ts';

/** How a reliable channel sends. */
export interface ReliableOptions {
  /** Messages that may be under way, sent and not confirmed; default 64. */
  readonly windowMax?: number;
  /** Messages that wait for room in the window; default 10,000. One more rejects with `TUTTI_OVERLOADED`. */
  readonly queueMax?: number;
  /** How long nothing may be confirmed before the oldest message is sent again; default 250. It doubles each time. */
  readonly retryMs?: number;
  /** What it doubles up to; default 5,000. */
  readonly retryMaxMs?: number;
  /**
   * The channel's name; by default a new one. Whoever keeps its outgoing messages, and so survives its own crash,
   * gives the same name and numbers again: what the receiver had handled before is then not handled twice.
   */
  readonly channel?: string;
  /** The number of the first message, with {@link channel}; default 1. */
  readonly next?: number;
}

/**
 * A channel to one actor that loses nothing: each message is sent again until the receiver has handled it, and the
 * messages are handled in the order of `send`, broken links and restarts or not.
 *
 * An actor remembers what it handled for as long as it lives, restarts included. A durable entity and a replicated logic
 * keep it with their committed state: each message takes effect there exactly once, whatever crashes. An entity that is
 * not durable may handle a message once more when it has moved, and an actor in a thread what it had there when that
 * ended without a word.
 */
export interface ReliableRef<Event extends EventObject = EventObject> {
  readonly address: Address;
  readonly channel: string;
  /** The number that the next message gets. */
  readonly next: number;
  /** Messages sent or waiting that are not confirmed. */
  readonly unconfirmed: number;
  /**
   * Resolves when the receiver has handled the event and that is committed. It does not carry a reply.
   * @throws TuttiError `TUTTI_ACTOR_FAILED`: it failed on this event, which is not sent again. `TUTTI_ACTOR_UNKNOWN`: it
   * is gone for good. `TUTTI_DELIVERY_EXPIRED`, `TUTTI_OVERLOADED`, `TUTTI_CLOSED`; or what keeps the event from being
   * sent at all. Those that were taken in and end so are counted as dead letters, `unconfirmed`
   */
  send(event: Event): Promise<void>;
  /** Takes no more, and resolves when everything is confirmed or has failed. Idempotent. */
  close(): Promise<void>;
}

interface Outgoing {
  readonly number: number;
  readonly event: EventObject;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Attempts that may have arrived. */
  sends: number;
}

/** What one channel needs of its system. */
export interface ChannelCore {
  readonly clock: Clock;
  readonly deadLetters: DeadLetters;
  /** Called with its first message. Undefined where that must not be said. */
  born(): Birth | undefined;
  /** The channel is over and needs nothing more. */
  ended(channel: ReliableChannel): void;
}

/** How long an attempt may be answered. Longer than the pauses between attempts, so that a slow receipt still counts. */
const ATTEMPT_MS = 30_000;

/**
 * The sending end: a window of numbered messages, each an ask that a receipt answers. When nothing is confirmed for a
 * while, the oldest is sent again; once it is confirmed, or the receiver says which number it misses, the rest follows
 * in order. (Go-back-N, as in A. Tanenbaum, Computer Networks, section 3.4.2, with one probe instead of a full window.)
 */
export class ReliableChannel<Event extends EventObject = EventObject> implements ReliableRef<Event> {
  readonly channel: string;
  readonly #core: ChannelCore;
  readonly #ref: Ref;
  readonly #windowMax: number;
  readonly #queueMax: number;
  readonly #retryMs: number;
  readonly #retryMaxMs: number;
  /** Under way, by number, the oldest first. */
  readonly #window = new Map<number, Outgoing>();
  readonly #waiting: Ring<Outgoing>;
  #next: number;
  #isBorn = false;
  /** Said until the receiver is known to know the channel. */
  #birth: Birth | undefined;
  /** Grows with each resending, so that what was said about an earlier one starts no further one. */
  #round = 0;
  /** What was missing when the rest was last sent again: once for each gap, and then it is for the timer. */
  #gap = -1;
  /** The oldest message has been sent again, and the others will be when it is confirmed. */
  #isProbing = false;
  #delayMs: number;
  #progressAt: number;
  #timer: Timer | undefined;
  #over: TuttiError | undefined;
  #closing: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  readonly #unwatch: () => void;

  constructor(core: ChannelCore, ref: Ref, channel: string, options: ReliableOptions = {}) {
    this.#core = core;
    this.#ref = ref;
    this.channel = channel;
    this.#windowMax = Math.max(1, options.windowMax ?? 64);
    this.#queueMax = Math.max(1, options.queueMax ?? 10_000);
    this.#retryMs = Math.max(1, options.retryMs ?? 250);
    this.#retryMaxMs = Math.max(this.#retryMs, options.retryMaxMs ?? 5_000);
    this.#waiting = new Ring<Outgoing>(this.#queueMax);
    this.#next = Math.max(1, options.next ?? 1);
    this.#delayMs = this.#retryMs;
    this.#progressAt = core.clock.now();
    this.#unwatch = ref.watch(() => this.#receiverGone());
  }

  get address(): Address {
    return this.#ref.address;
  }

  get next(): number {
    return this.#next;
  }

  get unconfirmed(): number {
    return this.#window.size + this.#waiting.size;
  }

  send(event: Event): Promise<void> {
    if (this.#over) return Promise.reject(this.#over);
    if (this.#closing) return Promise.reject(this.#closed());
    const size = this.#waiting.size;
    if (size >= this.#queueMax) {
      const details = { what: `The channel to ${this.address}`, size, limit: this.#queueMax };
      return Promise.reject(new TuttiError('TUTTI_OVERLOADED', details));
    }
    const confirmed = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ number: this.#next++, event, resolve, reject, sends: 0 });
      this.#fill();
    });
    // Whoever does not wait for it finds it among the dead letters.
    confirmed.catch(() => {});
    return confirmed;
  }

  close(): Promise<void> {
    if (this.#over) return Promise.resolve();
    if (!this.#closing) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#closing = { promise, resolve };
      this.#endWhenDone();
      return promise;
    }
    return this.#closing.promise;
  }

  /** Ends it now: what is not confirmed fails with this, and is a dead letter. */
  end(error: TuttiError): void {
    if (this.#over) return;
    this.#over = error;
    if (this.#timer) this.#core.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#unwatch();
    const open = [...this.#window.values(), ...this.#waiting];
    this.#window.clear();
    this.#waiting.clear();
    for (const message of open) this.#fail(message, error);
    this.#closing?.resolve();
    this.#core.ended(this);
  }

  #closed(): TuttiError {
    return new TuttiError('TUTTI_CLOSED', { what: `The channel to ${this.address}` });
  }

  #fail({ event, reject }: Outgoing, error: Error): void {
    this.#core.deadLetters.publish(this.address, event, 'unconfirmed');
    reject(error);
  }

  /** A receipt may still be behind the notice, which can overtake it; then what it says is true. */
  #receiverGone(): void {
    if (this.#over) return;
    const gone = new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: this.address });
    if (this.unconfirmed === 0) this.end(gone);
    else this.#core.clock.setTimer(this.#retryMs, () => this.end(gone));
  }

  #fill(): void {
    while (this.#window.size < this.#windowMax) {
      const message = this.#waiting.shift();
      if (!message) return;
      if (this.#window.size === 0) this.#progressAt = this.#core.clock.now();
      this.#window.set(message.number, message);
      this.#transmit(message);
    }
  }

  #transmit(message: Outgoing): void {
    const round = this.#round;
    if (!this.#isBorn) this.#birth = this.#core.born();
    this.#isBorn = true;
    const delivery: DeliveryEvent = {
      type: DELIVERY,
      channel: this.channel,
      number: message.number,
      base: this.#window.keys().next().value!,
      isAgain: message.sends > 0,
      ...(this.#birth && { birth: this.#birth }),
      event: message.event,
    };
    message.sends++;
    this.#schedule();
    this.#ref.ask<Receipt>(delivery, { timeoutMs: ATTEMPT_MS, inheritDeadline: false }).then(
      (receipt) => this.#answered(message, receipt, round),
      (error: Error) => this.#refused(message, error),
    );
  }

  #answered(message: Outgoing, { $receipt, upTo }: Receipt, round: number): void {
    if (!this.#window.has(message.number)) return;
    switch ($receipt) {
      case 'handled':
      case 'duplicate':
        this.#birth = undefined;
        this.#window.delete(message.number);
        message.resolve();
        return this.#progressed();
      case 'ahead':
        if (round !== this.#round || upTo === this.#gap) return;
        this.#gap = upTo;
        this.#resendAfter(upTo);
        return;
      case 'expired':
        this.end(new TuttiError('TUTTI_DELIVERY_EXPIRED', { channel: this.channel, address: this.address }));
    }
  }

  /** Unless it is final, the timer sees to it. One that there was no room for has not arrived, and will not. */
  #refused(message: Outgoing, error: Error): void {
    if (isTuttiError(error, 'TUTTI_OVERLOADED')) message.sends--;
    if (!isFinal(error) || !this.#window.delete(message.number)) return;
    this.#fail(message, error);
    this.#progressed();
  }

  #progressed(): void {
    this.#progressAt = this.#core.clock.now();
    this.#delayMs = this.#retryMs;
    if (this.#isProbing) this.#resendAfter(0);
    this.#fill();
    this.#endWhenDone();
  }

  #resendAfter(number: number): void {
    this.#isProbing = false;
    this.#round++;
    for (const message of Array.from(this.#window.values())) {
      if (message.number > number && this.#window.has(message.number)) this.#transmit(message);
    }
  }

  #schedule(): void {
    if (this.#timer || this.#over) return;
    const { clock } = this.#core;
    const dueAt = this.#progressAt + this.#delayMs;
    this.#timer = clock.setTimer(Math.max(1, dueAt - clock.now()), () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#window.size === 0) return;
    if (this.#core.clock.now() >= this.#progressAt + this.#delayMs) {
      this.#delayMs = Math.min(this.#delayMs * 2, this.#retryMaxMs);
      this.#progressAt = this.#core.clock.now();
      this.#round++;
      this.#isProbing = true;
      this.#transmit(this.#window.values().next().value!);
    }
    this.#schedule();
  }

  #endWhenDone(): void {
    if (!this.#closing || this.unconfirmed > 0 || this.#over) return;
    const last: DeliveryEvent = {
      type: DELIVERY,
      channel: this.channel,
      number: this.#next,
      base: this.#next,
      isAgain: false,
      event: undefined,
    };
    // If it is lost, the receiver remembers the channel until it has had enough others.
    this.#ref.ask(last, { timeoutMs: ATTEMPT_MS, inheritDeadline: false }).catch(() => {});
    this.end(this.#closed());
  }
}
