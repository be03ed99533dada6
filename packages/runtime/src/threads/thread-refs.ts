import { type Clock, type Logger, messageOf, TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { AskTable } from '../actor/ask.ts';
import {
  type Address,
  type AskOptions,
  listenerOf,
  type Ref,
  type SnapshotListener,
  type Terminated,
} from '../actor/ref.ts';
import { decodeRefs, encodeRefs } from '../cluster/ref-codec.ts';
import { errorFromWire } from '../cluster/wire-error.ts';
import type { DeadLetterReason } from '../mailbox/dead-letters.ts';
import type { AddressResolver, ReplyTarget } from '../system/actor-system.ts';
import { uncloneable } from './outpost.ts';
import type { FromThread, ToThread } from './thread-messages.ts';

/** Messages to the node that may wait for their batch; those of actors that send faster are dead letters. */
const WAITING_MAX = 16_384;
/** Watches and subscriptions of one thread. */
const OBSERVED_MAX = 10_000;

type Emission = Extract<FromThread, { t: 'send' | 'ask' | 'watch' | 'subscribe' | 'stop' }>;

/** What the refs of one thread share. */
export interface ThreadRefsOptions {
  readonly asks: AskTable;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Messages that wait to be posted. */
  waiting(): number;
  push(message: FromThread): void;
  ref(address: Address): Ref;
  dead(address: Address, event: EventObject, reason: DeadLetterReason): void;
}

/** Refs in a thread: to every actor that is not inside of it, by way of the node. */
export class ThreadRefs implements AddressResolver {
  readonly options: ThreadRefsOptions;
  readonly #asked = new Map<number, ReplyTarget>();
  readonly #observed = new Map<number, (value: unknown) => void>();
  #nextId = 1;

  constructor(options: ThreadRefsOptions) {
    this.options = options;
  }

  matches(): boolean {
    return true;
  }

  ref(address: Address): Ref {
    return new ThreadRef(address, this);
  }

  /** What the node answers. */
  receive(message: Extract<ToThread, { id: number }>): void {
    const { id } = message;
    const decode = (value: unknown) => decodeRefs(value, (address) => this.options.ref(address));
    if (message.t === 'shown') return this.#tell(id, decode(message.view));
    if (message.t === 'gone') {
      this.#tell(id, message.notice);
      return void this.#observed.delete(id);
    }
    const target = this.#asked.get(id);
    this.#asked.delete(id);
    if (message.t === 'answer') target?.reply(decode(message.value));
    else target?.fail(errorFromWire(message.error));
  }

  /** A listener that throws is logged and harms nobody, as on the node. */
  #tell(id: number, value: unknown): void {
    try {
      this.#observed.get(id)?.(value);
    } catch (error) {
      this.options.logger.error({ problem: messageOf(error) }, 'a listener in a thread threw');
    }
  }

  send(to: Address, event: EventObject): void {
    try {
      if (this.#isFull) return this.options.dead(to, event, 'overflow-new');
      this.options.push({ t: 'send', to, event: encodeRefs(event) });
    } catch {
      this.options.dead(to, event, 'unreachable');
    }
  }

  ask(to: Address, event: EventObject, target: ReplyTarget): void {
    try {
      this.#mustHaveRoom();
      const ttlMs = (target.deadline ?? Infinity) - this.options.clock.now();
      const id = this.#nextId++;
      this.options.push({ t: 'ask', id, to, event: encodeRefs(event), ttlMs });
      this.#asked.set(id, target);
    } catch (error) {
      target.fail(error as Error);
    }
  }

  stop(to: Address, target: ReplyTarget): void {
    const id = this.#nextId++;
    this.#asked.set(id, target);
    this.options.push({ t: 'stop', id, to });
  }

  observe(t: 'watch' | 'subscribe', to: Address, listener: (value: unknown) => void): () => void {
    this.#mustHaveRoom();
    const { size } = this.#observed;
    if (size >= OBSERVED_MAX) {
      const what = 'The table of watches and subscriptions of this thread';
      throw new TuttiError('TUTTI_OVERLOADED', { what, size, limit: OBSERVED_MAX });
    }
    const id = this.#nextId++;
    this.#observed.set(id, listener);
    this.options.push({ t, id, to });
    return () => {
      if (this.#observed.delete(id)) this.options.push({ t: 'release', id });
    };
  }

  /** One of these could not be posted. */
  refused(message: Emission, error: unknown): void {
    if (message.t === 'send') {
      return this.options.dead(message.to, message.event as EventObject, 'unreachable');
    }
    const target = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    target?.fail(uncloneable(`The event to ${message.to}`, error));
  }

  get #isFull(): boolean {
    return this.options.waiting() >= WAITING_MAX;
  }

  #mustHaveRoom(): void {
    if (!this.#isFull) return;
    const details = { what: 'The way out of this thread', size: WAITING_MAX, limit: WAITING_MAX };
    throw new TuttiError('TUTTI_OVERLOADED', details);
  }
}

class ThreadRef implements Ref {
  readonly address: Address;
  readonly #refs: ThreadRefs;

  constructor(address: Address, refs: ThreadRefs) {
    this.address = address;
    this.#refs = refs;
  }

  send(event: EventObject): void {
    this.#refs.send(this.address, event);
  }

  ask<Reply>(event: EventObject, options: AskOptions = {}): Promise<Reply> {
    return this.#refs.options.asks.ask<Reply>(this.address, event, options, ({ target }) =>
      this.#refs.ask(this.address, event, target),
    );
  }

  watch(listener: (notice: Terminated) => void): () => void {
    return this.#refs.observe('watch', this.address, (notice) => listener(notice as Terminated));
  }

  subscribe(listener: SnapshotListener<unknown>): () => void {
    return this.#refs.observe('subscribe', this.address, listenerOf(listener));
  }

  stop(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#refs.stop(this.address, { reply: () => resolve(), fail: reject });
    });
  }

  toJSON(): { address: Address } {
    return { address: this.address };
  }
}
