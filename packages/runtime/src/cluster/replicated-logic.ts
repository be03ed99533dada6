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
import type { Address, Ref } from '../actor/ref.ts';
import { isReply } from '../actor/reply.ts';
import {
  type HeldEffects,
  type HostedSelf,
  type HostingCell,
  XStateRuntime,
} from '../actor/xstate-adapter.ts';
import { DeadLetterOffice } from '../mailbox/dead-letter-office.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import { CommandReader } from './command-reader.ts';
import { decodeRefs, encodeRefs } from './ref-codec.ts';
import type { ReplicatedOptions } from './replicated.ts';

/** Characters in one part of a snapshot; at most 4 bytes each, so a part stays near 64 KiB. */
const PART_CHARS = 16_384;

export const replicatedAddress = (name: string): Address => `replicated:${name}`;

/** One event on its way through the log. */
export interface ReplicatedCommand {
  /** With refs as `{ $ref }`. */
  readonly event: unknown;
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
  process(): void {}
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
  readonly #cell: LockstepCell;
  readonly #runtime: XStateRuntime;
  readonly #makeRef: (address: Address) => Ref;

  constructor(
    name: string,
    logic: AnyActorLogic,
    options: ReplicatedOptions,
    makeRef: (address: Address) => Ref,
  ) {
    this.name = name;
    this.#makeRef = makeRef;
    this.#cell = new LockstepCell(name, logic);
    // Time stands still and ids come from one seed, so that a logic which peeks at them sees the same on each voter.
    this.#runtime = new XStateRuntime({
      clock: new VirtualClock(0),
      ids: randomIds(seededRandom(0)),
      logger: silentLogger,
      deadLetters: new DeadLetterOffice(silentLogger),
      microstepsMax: 1_000,
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
    const event = decodeRefs(reader.fields['event'], this.#makeRef) as EventObject;
    if (typeof event?.type !== 'string') throw reader.invalid('the event has no type');
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

  snapshot(): Iterable<WireValue> {
    const text = canonicalJson(encodeRefs(this.#cell.logic.getPersistedSnapshot(this.current)));
    const parts: string[] = [];
    for (let at = 0; at < text.length; at += PART_CHARS) parts.push(text.slice(at, at + PART_CHARS));
    return parts;
  }

  restore(parts: Iterable<WireValue>): void {
    const persisted = decodeRefs(JSON.parse([...(parts as Iterable<string>)].join('')), this.#makeRef);
    this.#cell.snapshot = this.#runtime.initialSnapshot(this.#cell, undefined, persisted);
    this.#runtime.hold(this.#cell);
  }

  #refused(event: EventObject, problem: string): TuttiError {
    return new TuttiError('TUTTI_REPLICATED_REFUSED', { name: this.name, event: event.type, problem });
  }

  /** Of all effects only the reply is looked at: `reply(...)` in a machine, the third argument in a reducer. */
  #replyOf(held: HeldEffects): ReplicatedOutcome {
    let outcome: ReplicatedOutcome = {};
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
