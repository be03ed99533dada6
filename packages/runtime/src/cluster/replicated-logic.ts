import type { ReplicatedModule } from '@tutti/consensus';
import {
  canonicalJson,
  isTuttiError,
  messageOf,
  randomIds,
  seededRandom,
  silentLogger,
  TuttiError,
  VirtualClock,
  type WireValue,
} from '@tutti/kernel';
import { type AnyActorLogic, type EventObject, type Snapshot, StateMachine } from 'xstate';
import { LOGIC_VERSION_DEFAULT, type LogicIdentity, logicIdentity } from '../actor/logic-identity.ts';
import { hydrate, type Migrate } from '../actor/migration.ts';
import { persistedOf } from '../actor/persisted-selves.ts';
import type { Address, Ref } from '../actor/ref.ts';
import { isReply } from '../actor/reply.ts';
import {
  type HeldEffects,
  type HostedSelf,
  type HostingCell,
  XStateRuntime,
} from '../actor/xstate-adapter.ts';
import { DELIVERY, DeliveryLog, isDelivery } from '../delivery/delivery-log.ts';
import { DeadLetterOffice } from '../mailbox/dead-letter-office.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import { CommandReader } from './command-reader.ts';
import { decodeRefs, encodeRefs } from './ref-codec.ts';
import type { ReplicatedOptions } from './replicated.ts';

/** Characters in one part of a snapshot; at most 4 bytes each, so a part stays near 64 KiB. */
const PART_CHARS = 16_384;

/** Where the snapshot says which code wrote it. */
const WRITTEN_BY = '$logic';

export const replicatedAddress = (name: string): Address => `replicated:${name}`;

/** One event on its way through the log. */
export interface ReplicatedCommand {
  /** With refs as `{ $ref }`. */
  readonly event: unknown;
  /** The version of the logic that it was meant for; 1 when it is undefined. */
  readonly version?: number;
}

/** What a voter answers to an event. */
export interface ReplicatedOutcome {
  readonly reply?: unknown;
}

/** A cell that never runs: the logic is stepped in it, and its effects are thrown away. */
class LockstepCell implements HostingCell {
  readonly id: string;
  readonly address: Address;
  readonly logic: AnyActorLogic;
  readonly parent = undefined;
  readonly isGuardian = false;
  snapshot: Snapshot<unknown> | undefined;
  self: HostedSelf | undefined;
  currentAsk: ReplyTarget | undefined;

  constructor(name: string, logic: AnyActorLogic) {
    this.id = name;
    this.address = replicatedAddress(name);
    this.logic = logic;
  }

  sendUser(): void {}
  signal(): void {}
  finish(): void {}
  processInner(): void {}
  refuse(): void {}
  subscribe(): () => void {
    return () => {};
  }
}

/**
 * A logic that every voter runs in lockstep: each event goes through the log, and its transition is computed by all.
 * Only what is pure takes part: transitions, guards, `assign`, `raise`, and `reply`. What acts on the world (sending,
 * spawning, invoking, delays, actions of one's own) is not run, since it would run once per voter; a replicated logic
 * that shall act is watched by an actor that acts. The same holds for chance and time: take them from the event.
 */
export class ReplicatedLogic implements ReplicatedModule {
  readonly name: string;
  readonly identity: LogicIdentity;
  readonly #migrate: Migrate | undefined;
  readonly #cell: LockstepCell;
  readonly #runtime: XStateRuntime;
  readonly #makeRef: (address: Address) => Ref;
  /** Part of the state: what was delivered before takes no effect again. */
  #deliveries = new DeliveryLog();

  constructor(
    name: string,
    logic: AnyActorLogic,
    options: ReplicatedOptions,
    makeRef: (address: Address) => Ref,
  ) {
    this.name = name;
    this.identity = logicIdentity(logic, options.version);
    this.#migrate = options.migrate;
    this.#makeRef = makeRef;
    this.#cell = new LockstepCell(name, logic);
    // Time stands still and ids come from one seed, so that a logic which peeks at them sees the same on each voter.
    this.#runtime = new XStateRuntime({
      clock: new VirtualClock(0),
      ids: randomIds(seededRandom(0)),
      logger: silentLogger,
      deadLetters: new DeadLetterOffice(silentLogger),
      microstepsMax: 1_000,
      ref: makeRef,
    });
    this.#cell.snapshot = this.#runtime.initialSnapshot(this.#cell, options.input, undefined);
    this.#runtime.hold(this.#cell);
  }

  /** The committed snapshot as this node has applied it. */
  get current(): Snapshot<unknown> {
    return this.#cell.snapshot!;
  }

  apply(command: WireValue): ReplicatedOutcome {
    const reader = new CommandReader(this.name, command);
    this.#checkVersion(reader);
    const event = decodeRefs(reader.fields['event'], this.#makeRef) as EventObject;
    if (typeof event?.type !== 'string') throw reader.invalid('the event has no type');
    return event.type === DELIVERY ? this.#deliver(reader, event) : this.#step(event);
  }

  #deliver(reader: CommandReader, delivery: EventObject): ReplicatedOutcome {
    if (!isDelivery(delivery)) throw reader.invalid('it is no delivery');
    const fate = this.#deliveries.judge(delivery);
    if (!delivery.event) this.#deliveries.forget(delivery.channel);
    else if (fate === 'handled') {
      this.#step(delivery.event);
      this.#deliveries.accept(delivery);
    }
    return { reply: this.#deliveries.receipt(delivery, fate) };
  }

  #step(event: EventObject): ReplicatedOutcome {
    if (this.current.status !== 'active') throw this.#refused(event, `it is ${this.current.status}`);
    const before = this.current;
    try {
      const next = this.#runtime.transition(this.#cell, event);
      const outcome = this.#replyOf(this.#runtime.hold(this.#cell));
      this.#cell.snapshot = next;
      return outcome;
    } catch (thrown) {
      this.#cell.snapshot = before;
      throw isTuttiError(thrown) ? thrown : this.#refused(event, messageOf(thrown));
    }
  }

  /**
   * An event that another version was to apply has, on the nodes that applied it, done what this code does not know of.
   * It is not refused, which would lose it: the node stops, and nothing of it is written over.
   */
  #checkVersion(reader: CommandReader): void {
    const { fields } = reader;
    const version = fields['version'] === undefined ? LOGIC_VERSION_DEFAULT : reader.count('version');
    const declared = this.identity.version;
    if (version === declared) return;
    const { name } = this;
    const cause = new TuttiError('TUTTI_REPLICATED_VERSION', { name, version, declared });
    throw new Error(`${cause.code}: ${cause.message}. ${cause.wayOut}`, { cause });
  }

  snapshot(): Iterable<WireValue> {
    const snapshot = persistedOf(this.#cell.logic, this.current);
    const persisted = encodeRefs(DeliveryLog.keepIn(snapshot, this.#deliveries)) as object;
    // Within the snapshot, where a node from before there were versions takes no notice of it.
    const text = canonicalJson({ ...persisted, [WRITTEN_BY]: this.identity });
    const parts: string[] = [];
    for (let at = 0; at < text.length; at += PART_CHARS) parts.push(text.slice(at, at + PART_CHARS));
    return parts;
  }

  restore(parts: Iterable<WireValue>): void {
    const { [WRITTEN_BY]: writtenBy, ...kept } = JSON.parse([...(parts as Iterable<string>)].join('')) as {
      readonly [WRITTEN_BY]?: LogicIdentity;
    };
    const declared = { identity: this.identity, migrate: this.#migrate };
    const decoded = decodeRefs(kept, this.#makeRef);
    const { snapshot } = hydrate(`replicated ${this.name}`, decoded, writtenBy, declared);
    const { persisted, log = new DeliveryLog() } = DeliveryLog.takeFrom(snapshot);
    this.#deliveries = log;
    this.#cell.snapshot = this.#runtime.initialSnapshot(this.#cell, undefined, persisted);
    this.#runtime.hold(this.#cell);
  }

  #refused(event: EventObject, problem: string): TuttiError {
    return new TuttiError('TUTTI_REPLICATED_REFUSED', { name: this.name, event: event.type, problem });
  }

  /** Of all effects only the reply is looked at: `reply(...)` in a machine, the third argument in a reducer. */
  #replyOf(held: HeldEffects): ReplicatedOutcome {
    let outcome: ReplicatedOutcome = {};
    // Whoever asked the event before is none of this one's business, answered or not.
    this.#cell.self?.acknowledge();
    this.#cell.currentAsk = {
      reply: (value) => {
        outcome = { reply: encodeRefs(value) };
      },
      fail: () => {},
    };
    for (const { exec, info, params } of held.custom) if (exec && isReply(exec)) exec(info, params);
    if (!(this.#cell.logic instanceof StateMachine)) for (const effect of held.deferred) effect();
    this.#cell.currentAsk = undefined;
    return outcome;
  }
}
