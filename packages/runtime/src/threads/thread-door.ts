import { type Logger, messageOf } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { Address, Ref } from '../actor/ref.ts';
import { decodeRefs, encodeRefs } from '../cluster/ref-codec.ts';
import { snapshotView } from '../cluster/snapshot-view.ts';
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

/**
 * The way out of a thread: whatever its actors do with a ref is done here, in their place and in their order. An event
 * that was posted cannot be refused any more: what reaches nobody is a dead letter of the node.
 */
export class ThreadDoor {
  readonly #system: DoorSystem;
  readonly #post: (message: ToThread) => void;
  /** Watches and subscriptions of the thread, by its numbers. It bounds them. */
  readonly #open = new Map<number, () => void>();
  readonly #makeRef: (address: Address) => Ref;

  constructor(system: DoorSystem, post: (message: ToThread) => void) {
    this.#system = system;
    this.#post = post;
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
        return;
      }
      case 'dead': {
        const { address, type, reason, count } = message;
        for (let i = 0; i < count; i++) deadLetters.publish(address, { type }, reason);
        return;
      }
      case 'log':
        return logger[message.level](message.fields, message.text);
    }
  }

  /** The thread is gone. */
  close(): void {
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

  #observe({ t, id, to }: Extract<FromThread, { t: 'watch' | 'subscribe' | 'stop' }>): void {
    const ref = this.#system.ref(to);
    if (t === 'subscribe') {
      const show = (snapshot: unknown) => this.#show(id, snapshot);
      this.#open.set(id, ref.subscribe(show));
      return;
    }
    const release = ref.watch((notice) => {
      this.#open.delete(id);
      this.#post({ t: 'gone', id, notice });
    });
    this.#open.set(id, release);
  }

  #show(id: number, snapshot: unknown): void {
    try {
      this.#post({ t: 'shown', id, view: encodeRefs(snapshotView(snapshot)) });
    } catch (error) {
      this.#system.logger.error({ problem: messageOf(error) }, 'a snapshot cannot be shown to a thread');
    }
  }
}
