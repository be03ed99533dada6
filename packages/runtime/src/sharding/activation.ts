import { type Clock, isTuttiError, messageOf, TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { KeptTimer, TimerChange } from '../actor/kept-timers.ts';
import type { LogicIdentity } from '../actor/logic-identity.ts';
import type { Address, Ref } from '../actor/ref.ts';
import { LEVEL } from '../cluster/cluster-level.ts';
import type { Parcel } from '../cluster/parcel.ts';
import type { QuorumLease } from '../cluster/quorum-lease.ts';
import { decodeRefs, encodeRefs } from '../cluster/ref-codec.ts';
import { withFinality } from '../delivery/finality.ts';
import type { KeptTurn, ReplyTarget, StateKeeper } from '../system/actor-system.ts';
import { LocalRef } from '../system/local-ref.ts';
import type { EntityState, StoredTimer } from './entity-states.ts';
import type { EntityStore } from './entity-store.ts';
import { type EntityTimers, inOrderOfTime, rowsOf, timersAfter, timersFrom } from './entity-timers.ts';
import { type EntityName, entityAddress, type ShardId } from './shard-id.ts';
import type { ShardAt } from './shard-map.ts';

/** Messages that share one commit. Those of a busy entity wait in its mailbox while the last commit is under way. */
const TURN_MESSAGES_MAX = 64;

/** What the activations of one node share. */
export interface ActivationHost {
  readonly store: Pick<EntityStore, 'commit'>;
  readonly lease: QuorumLease;
  readonly clock: Clock;
  readonly nodeId: string;
  /** Whether the log, as this node has applied it, still has this node own the shard in this epoch. */
  readonly isOwner: (at: ShardAt) => boolean;
  readonly makeRef: (address: string) => Ref;
  /** What all members can apply; see `LEVEL`. */
  readonly level: () => number;
  /** Told of each snapshot that was committed, as it is stored. */
  readonly onStored: (activation: Activation, snapshot: unknown) => void;
}

interface ActivationOptions {
  readonly name: EntityName;
  readonly shard: ShardId;
  /** The epoch it was started in; it acts in no other. */
  readonly epoch: number;
  readonly durable: boolean;
  /** Which code it runs; goes with each snapshot it stores. */
  readonly logic: LogicIdentity;
  /** What it goes on from, if anything was committed when it was started. */
  readonly state: HydratedState | undefined;
  /** How far this node had applied the log when it was started. */
  readonly bornAt: number;
}

/** A committed state, as the present code may restore it. */
export interface HydratedState {
  readonly state: EntityState;
  /** With refs as `{ $ref }`. */
  readonly snapshot: unknown;
  /** It is of an older version's, migrated, and not in the log in this form. */
  readonly isMigrated: boolean;
}

/**
 * One entity being alive on this node, as the keeper of its actor's state. Nothing a turn did is seen by anybody
 * before three things hold: its new snapshot is in the log under this epoch, the node's lease is valid, and the log
 * still names this node as the owner. So an owner that was replaced may compute, but cannot act.
 */
export class Activation implements StateKeeper {
  readonly name: EntityName;
  readonly shard: ShardId;
  readonly epoch: number;
  readonly turnMessagesMax: number;
  /** What is not durable begins its delays anew. */
  readonly keepsTimers: boolean;
  readonly #host: ActivationHost;
  readonly #logic: LogicIdentity;
  readonly #bornAt: number;
  /** In the log. */
  #stored: readonly StoredTimer[];
  #timers: EntityTimers = new Map();
  #snapshot: unknown;
  #version: number;
  #fenced = false;
  /** The next turn only shows the state that was restored; it is in the log already. */
  #isRestored = false;
  #isMigrated: boolean;
  /** Set by the host once the actor runs. */
  ref: Ref | undefined;
  lastUsedAt = 0;
  /** Of its stored snapshot, as far as somebody counts. */
  bytes = 0;
  /** It is on its way out; new messages wait for the next activation. */
  stopping: Promise<void> | undefined;
  /** What it was sent and did not come to handle, oldest first: for the next activation, wherever that is. */
  readonly leftOver: Parcel[] = [];

  constructor(
    host: ActivationHost,
    { name, shard, epoch, durable, logic, state, bornAt }: ActivationOptions,
  ) {
    this.#host = host;
    this.name = name;
    this.shard = shard;
    this.epoch = epoch;
    this.#logic = logic;
    this.#bornAt = bornAt;
    this.turnMessagesMax = durable ? TURN_MESSAGES_MAX : 1;
    this.#snapshot = state?.snapshot;
    this.#version = state?.state.version ?? 0;
    this.#isMigrated = state?.isMigrated ?? false;
    this.#stored = state?.state.timers ?? [];
    this.keepsTimers = durable;
  }

  get endedBy(): Error | undefined {
    return this.#fenced ? this.#stale() : undefined;
  }

  get entity(): Address {
    return entityAddress(this.name);
  }

  /** Commits of this entity that the log has taken. */
  get version(): number {
    return this.#version;
  }

  /**
   * Whether sleep would take it from something: a promise inside it is under way, which would have to be begun again; or
   * somebody waits for the answer to an ask that it holds, or with a message that it has not handled, which may begin
   * either, or is put off, and would only wake it again.
   */
  isBusy(now: number): boolean {
    const cell = this.ref instanceof LocalRef ? this.ref.cell : undefined;
    if (!cell) return false;
    const { phase, mailbox, self } = cell;
    if (phase === 'new' || phase === 'committing' || mailbox?.isEmpty === false) return true;
    return self !== undefined && (self.system.isAtWork || self.owesReply(now));
  }

  passOn(event: EventObject, target: ReplyTarget | undefined): boolean {
    const deadline = target?.deadline ?? Number.POSITIVE_INFINITY;
    const { epoch } = this;
    const address = entityAddress(this.name);
    this.leftOver.push({ address, event, target, deadline, hops: 0, epoch, isLeftOver: true });
    return true;
  }

  /**
   * Ends it in order: with what is in its mailbox, and within so much time with the asks that it holds. Without any it goes
   * at once, also if it was given some before.
   */
  stop(withinMs: number): Promise<void> {
    return withinMs > 0 && this.ref instanceof LocalRef ? this.ref.leave(withinMs) : this.ref!.stop();
  }

  /** From now on nothing it does is released. */
  fence(): void {
    this.#fenced = true;
  }

  /** Ends it with the turn that it is in, and leaves the rest of its mailbox over. */
  hurry(): void {
    if (this.ref instanceof LocalRef) this.ref.stopAfterTurn();
  }

  /** Ends it now. Nobody is told what came of the turn that it is in, and whether that is in the log is for the log to say. */
  cutOff(): void {
    this.fence();
    if (this.ref instanceof LocalRef) this.ref.stopNow();
  }

  restore(): unknown {
    if (this.#snapshot === undefined) return undefined;
    this.#isRestored = !this.#isMigrated;
    return decodeRefs(this.#snapshot, this.#host.makeRef);
  }

  timers(): readonly KeptTimer[] {
    const { clock, makeRef } = this.#host;
    this.#timers = timersFrom(this.#stored, clock, makeRef);
    return inOrderOfTime(this.#timers);
  }

  commit(turn: KeptTurn): Promise<void> | undefined {
    if (this.#fenced || !this.#host.isOwner(this)) return Promise.reject(this.#stale());
    const timers = turn.timers();
    const changed = (turn.changed && !this.#isRestored) || timers.length > 0;
    this.#isRestored = false;
    if (this.keepsTimers && changed) return this.#store(turn, timers);
    return this.confirm();
  }

  confirm(): Promise<void> | undefined {
    if (this.#fenced || !this.#host.isOwner(this)) return Promise.reject(this.#stale());
    return this.#host.lease.isValid ? undefined : this.#untilLeased();
  }

  async #store(turn: KeptTurn, changes: readonly TimerChange[]): Promise<void> {
    const { store, onStored, level } = this.#host;
    const { snapshot, timers } = this.#storable(turn, changes);
    const version = this.#version + 1;
    const stored = rowsOf(timers, level() >= LEVEL.unnamedTimers);
    await store.commit({
      ...this.name,
      snapshot,
      epoch: this.epoch,
      version,
      logic: this.#logic,
      ...(stored.length > 0 ? { timers: stored } : {}),
      ...(version === 1 ? { bornAt: this.#bornAt } : {}),
    });
    this.#snapshot = snapshot;
    this.#version = version;
    this.#isMigrated = false;
    this.#timers = timers;
    this.#stored = stored;
    onStored(this, snapshot);
  }

  /** @throws TuttiError that is final: what led to this state leads to it again */
  #storable(turn: KeptTurn, changes: readonly TimerChange[]): { snapshot: unknown; timers: EntityTimers } {
    try {
      const timers = timersAfter(this.#timers, changes, this.#host.clock);
      return { snapshot: encodeRefs(turn.persisted()), timers };
    } catch (thrown) {
      const failed = { address: this.entity, problem: messageOf(thrown) };
      const error = isTuttiError(thrown) ? thrown : new TuttiError('TUTTI_ACTOR_FAILED', failed);
      throw withFinality(error, true);
    }
  }

  /** Whether it is still the owner is for {@link confirm} to see. */
  async #untilLeased(): Promise<void> {
    const { lease } = this.#host;
    while (!lease.isValid) await lease.whenValid();
  }

  #stale(): TuttiError {
    const { shard, epoch } = this;
    return new TuttiError('TUTTI_EPOCH_STALE', { shard, epoch, node: this.#host.nodeId });
  }
}
