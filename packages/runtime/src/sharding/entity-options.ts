import type { AnyActorLogic, InputFrom } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import type { MailboxOptions } from '../mailbox/mailbox-options.ts';
import type { ChildPolicy } from '../supervision/policy.ts';

/** How entities of one kind live. */
export interface EntityOptions<Logic extends AnyActorLogic = AnyActorLogic> {
  /** What a new entity is given; by default `{ kind, key }`. Must depend on the key alone. */
  readonly input?: (key: string) => InputFrom<Logic>;
  /**
   * Whether its snapshot goes into the log before its effects and replies are released; default true. Without it the
   * next owner begins afresh. It must then survive JSON, refs included. Where it is restored the delays of its states
   * begin anew; nothing restores it before its next message, unless it is a singleton. A failure is never stored.
   */
  readonly durable?: boolean;
  /** Exactly one, with a fixed key, started as soon as its shard has an owner; default false. */
  readonly singleton?: boolean;
  /**
   * Stops it after this long without a message, in milliseconds; by default never. Its next message starts it again;
   * its delays do not run meanwhile.
   */
  readonly passivateAfterMs?: number;
  /** Default: restart from the last committed snapshot, 3 times in 5 s; then its next message starts it again. */
  readonly supervise?: ChildPolicy | false;
  readonly mailbox?: MailboxOptions;
}

/** The key of every singleton. */
export const SINGLETON_KEY = 'singleton';

/** A kind of entity that this cluster has. */
export interface EntityKind<Reference extends Ref = Ref> {
  readonly kind: string;
  /** A ref to the entity of this key, existing or not: its first message creates it. A singleton needs no key. */
  ref(key?: string): Reference;
}
