import { TuttiError } from '@tutti/kernel';
import type { AnyActorLogic, InputFrom } from 'xstate';
import { LOGIC_VERSION_DEFAULT } from '../actor/logic-identity.ts';
import type { Migrate } from '../actor/migration.ts';
import type { Ref } from '../actor/ref.ts';
import type { MailboxOptions } from '../mailbox/mailbox-options.ts';
import type { ChildPolicy } from '../supervision/policy.ts';

/** How entities of one kind live. */
export interface EntityOptions<Logic extends AnyActorLogic = AnyActorLogic> {
  /** What a new entity is given; by default `{ kind, key }`. Must depend on the key alone. */
  readonly input?: (key: string) => InputFrom<Logic>;
  /**
   * Whether its snapshot goes into the log before its effects and replies are released; default true. Without it the
   * next owner begins afresh. It must then survive JSON, refs included. The delayed events of a machine to itself
   * (`after`, `raise`, `sendTo` itself) are stored with it: wherever it lives next they come when they are due, and one
   * that wakes it is enough. A failure is never stored.
   */
  readonly durable?: boolean;
  /**
   * The version of the logic, a whole number from 1; default 1. Each stored snapshot says which version wrote it. Raise
   * it when stored snapshots no longer fit the logic, and give {@link migrate}.
   */
  readonly version?: number;
  /**
   * Turns a snapshot of an older version into one of this. Called where the entity comes alive, before its first message,
   * and the result is stored before anything of that message shows.
   */
  readonly migrate?: Migrate;
  /**
   * Exactly one, with a fixed key, started as soon as its shard has an owner, and again a second after it was stopped or has
   * failed; default false. A durable one that has reached a final state has ended for good; one that is not begins afresh.
   */
  readonly singleton?: boolean;
  /**
   * Puts it to sleep after this long without a message, in milliseconds; by default never. Its next message wakes it, and
   * so does a delayed event of a durable machine to itself. One that holds an ask, or has a promise under way, stays awake
   * until it has not.
   */
  readonly passivateAfterMs?: number;
  /**
   * How many of this kind one node keeps awake, from 1; by default as many as are asked for. When there are more, those
   * used longest ago are put to sleep. A target: what is asked for is let in at once, while another begins to go.
   */
  readonly activeMax?: number;
  /** The same for what the committed snapshots of those awake come to, in bytes, roughly; for durable kinds. */
  readonly activeBytesMax?: number;
  /**
   * Whether its entities are started by themselves, at `startsPerSecond`, wherever their shard goes and when the cluster
   * starts again; default false. Only of a durable kind, and not together with what puts entities to sleep.
   */
  readonly remember?: boolean;
  /** Default: restart from the last committed snapshot, 3 times in 5 s; then its next message starts it again. */
  readonly supervise?: ChildPolicy | false;
  readonly mailbox?: MailboxOptions;
}

/** @throws TuttiError `TUTTI_ENTITY_OPTIONS_INVALID` */
export function checkEntityOptions(kind: string, options: EntityOptions): void {
  const refuse = (option: keyof EntityOptions, problem: string) => {
    throw new TuttiError('TUTTI_ENTITY_OPTIONS_INVALID', { kind, option, problem });
  };
  const { version = LOGIC_VERSION_DEFAULT, durable = true } = options;
  if (!Number.isSafeInteger(version) || version < 1) refuse('version', 'it is not a whole number from 1');
  for (const option of ['passivateAfterMs', 'activeMax', 'activeBytesMax'] as const) {
    const value = options[option];
    if (value === undefined) continue;
    if (!(value > 0)) refuse(option, 'it is not a number above 0');
    if (options.remember) refuse(option, 'what is remembered is kept awake');
  }
  if (options.singleton && options.passivateAfterMs !== undefined)
    refuse('passivateAfterMs', 'a singleton that went to sleep would be started again at once');
  if (options.remember && !durable)
    refuse('remember', 'of what is not durable nothing is known after its node is lost');
  if (options.activeBytesMax !== undefined && !durable)
    refuse('activeBytesMax', 'what is not durable is not stored, so its size is not known');
  if (options.migrate && !durable)
    refuse('migrate', 'what is not durable is not stored, so nothing is migrated');
}

/** The key of every singleton. */
export const SINGLETON_KEY = 'singleton';

/** A kind of entity that this cluster has. */
export interface EntityKind<Reference extends Ref = Ref> {
  readonly kind: string;
  /** A ref to the entity of this key, existing or not: its first message creates it. A singleton needs no key. */
  ref(key?: string): Reference;
}
