import { type Logger, messageOf } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { Address, Ref } from '../actor/ref.ts';
import { decodeRefs, encodeRefs } from '../cluster/ref-codec.ts';
import { encodedView } from '../cluster/snapshot-view.ts';
import { errorToWire } from '../cluster/wire-error.ts';
import type { DeadLetters } from '../mailbox/dead-letters.ts';
import { uncloneable } from './outpost.ts';
import type { FromThread, ToThread } from './thread-messages.ts';

/** What the actors of a thread reach through their node. */
export interface DoorSystem {
  readonly deadLetters: DeadLetters;
  readonly logger: Logger;
  ref(address: Address): Ref;
}

/** What the way out of a thread is given. */
export interface ThreadDoorOptions {
  readonly system: DoorSystem;
  readonly post: (message: ToThread) => void;
  /** There is something to sum up. */
  readonly changed: () => void;
}

/**
 * The way out of a thread: whatever its actors do with a ref is done here, in their place and in their order. An event
 * that was posted cannot be refused any more: what reaches nobody is a dead letter of the node.
 */
export class ThreadDoor {
  readonly #system: DoorSystem;
  readonly #post: (message: ToThread) => void;
  readonly #changed: () => void;
  /** Of each subscription what it has yet to be shown, which is no more than the latest: the thread may be busy for long. */
  readonly #news = new Map<number, unknown>();
  /** Watches and subscriptions of the thread, by its numbers. It bounds them. */
  readonly #open = new Map<number, () => void>();
  readonly #makeRef: (address: Address) => Ref;

  constructor({ system, post, changed }: ThreadDoorOptions) {
    this.#system = system;
    this.#post = post;
    this.#changed = changed;
    this.#makeRef = (address) => system.ref(address);
  }

  decode(value: unknown): unknown {
    return decodeRefs(value, this.#makeRef);
  }

  receive(message: Exclude<FromThread, { life: number } | { t: 'pong' }>): void {
    const { logger, deadLetters } = this.#system;
    switch (message.t) {
      case 'send':
        return this.#system.ref(message.to).send(this.decode(message.event) as EventObject);
      case 'ask': {
        const options = { timeoutMs: message.ttlMs, inheritDeadline: false };
        const event = this.decode(message.event) as EventObject;
        return this.#answer(message.id, message.to, this.#system.ref(message.to).ask(event, options));
      }
      case 'stop':
        return this.#answer(message.id, message.to, this.#system.ref(message.to).stop());
      case 'watch':
      case 'subscribe':
        return this.#observe(message);
      case 'release': {
        this.#open.get(message.id)?.();
        this.#open.delete(message.id);
        this.#news.delete(message.id);
        return;
      }
      case 'dead': {
        const { address, type, reason, count } = message;
        return deadLetters.publish(address, { type }, reason, count);
      }
      case 'log':
        return logger[message.level](message.fields, message.text);
    }
  }

  /** Shows each subscription the latest, before a batch is closed. */
  sumUp(): void {
    for (const [id, snapshot] of this.#news) this.#show(id, snapshot);
    this.#news.clear();
  }

  /** The thread is gone. */
  close(): void {
    this.#news.clear();
    for (const release of this.#open.values()) release();
    this.#open.clear();
  }

  #answer(id: number, address: Address, promise: Promise<unknown>): void {
    const refuse = (error: unknown) => this.#post({ t: 'refused', id, error: errorToWire(error, address) });
    promise.then((value) => this.#post({ t: 'answer', id, value: encodeRefs(value) })).catch(refuse);
  }

  /** What an answer, or a snapshot, could not carry. */
  cannotPost(message: ToThread, error: unknown): void {
    if (message.t === 'answer') {
      const reason = uncloneable('The answer to an ask from a thread', error);
      this.#post({ t: 'refused', id: message.id, error: errorToWire(reason, '') });
    } else this.#system.logger.error({ problem: messageOf(error) }, 'something cannot be told to a thread');
  }

  #observe(message: Extract<FromThread, { t: 'watch' | 'subscribe' | 'stop' }>): void {
    try {
      this.#open.set(message.id, message.t === 'subscribe' ? this.#follow(message) : this.#watch(message));
    } catch (error) {
      const { id, to: address } = message;
      const problem = messageOf(error);
      this.#system.logger.error({ actor: address, problem }, `a thread cannot ${message.t} an actor`);
      // Or it would wait for ever.
      if (message.t === 'watch')
        this.#post({ t: 'gone', id, notice: { address, reason: 'unknown', problem } });
    }
  }

  #follow({ id, to }: { readonly id: number; readonly to: Address }): () => void {
    return this.#system.ref(to).subscribe((snapshot) => {
      this.#news.set(id, snapshot);
      this.#changed();
    });
  }

  #watch({ id, to }: { readonly id: number; readonly to: Address }): () => void {
    return this.#system.ref(to).watch((notice) => {
      this.#open.delete(id);
      this.#post({ t: 'gone', id, notice });
    });
  }

  #show(id: number, snapshot: unknown): void {
    try {
      this.#post({ t: 'shown', id, view: encodedView(snapshot) });
    } catch (error) {
      this.#system.logger.error({ problem: messageOf(error) }, 'a snapshot cannot be shown to a thread');
    }
  }
}
