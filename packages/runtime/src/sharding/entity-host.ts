import type { Consensus } from '@tutti/consensus';
import { type Clock, isTuttiError, type Logger, messageOf, TuttiError } from '@tutti/kernel';
import type { AnyActorLogic } from 'xstate';
import type { VersionedLogic } from '../actor/migration.ts';
import type { Address, Ref } from '../actor/ref.ts';
import { LEVEL, mustBeOfLevel } from '../cluster/cluster-level.ts';
import type { Courier } from '../cluster/courier.ts';
import type { Life, Membership } from '../cluster/membership.ts';
import type { Parcel } from '../cluster/parcel.ts';
import type { QuorumLease } from '../cluster/quorum-lease.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import { Activation, type ActivationHost } from './activation.ts';
import { type EntityOptions, SINGLETON_KEY } from './entity-options.ts';
import { type EntityStates, isEnded } from './entity-states.ts';
import type { EntityStore } from './entity-store.ts';
import { Hydration } from './hydrate-entity.ts';
import { Passivation } from './passivation.ts';
import { type EntityName, entityAddress, type ShardId, shardOf } from './shard-id.ts';
import type { ShardMap } from './shard-map.ts';

/** The event that asks an entity's host to stop it; never seen by the entity. */
export const STOP_EVENT = 'tutti.entity.stop';

/** A kind as it was declared. */
export interface DeclaredKind extends VersionedLogic {
  readonly kind: string;
  readonly logic: AnyActorLogic;
  readonly options: EntityOptions;
}

interface EntityHostOptions {
  readonly self: Life;
  readonly system: ActorSystem;
  readonly consensus: Consensus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly membership: Membership;
  readonly shards: ShardMap;
  readonly states: EntityStates;
  readonly store: EntityStore;
  readonly lease: QuorumLease;
  readonly courier: Courier;
  readonly kinds: ReadonlyMap<string, DeclaredKind>;
  readonly makeRef: (address: Address) => Ref;
  /** Told when an entity has come alive here. */
  readonly onStarted: (shard: ShardId, name: EntityName) => void;
  /** Told when an activation has ended, so that what waited for that can go on. */
  readonly onEnded: (
    shard: ShardId,
    name: EntityName,
    hasFailed: boolean,
    /** What it was sent and has not handled, oldest first. */
    leftOver: readonly Parcel[],
  ) => void;
}

/** The entities that are alive on this node. */
export class EntityHost {
  readonly #options: EntityHostOptions;
  readonly #byAddress = new Map<Address, Activation>();
  readonly #byShard = new Map<ShardId, Set<Activation>>();
  readonly #onActivated = new Set<(address: Address) => void>();
  readonly #hydration: Hydration;
  readonly #passivation: Passivation;
  readonly #activations: ActivationHost;
  #closed = false;

  constructor(options: EntityHostOptions) {
    this.#options = options;
    this.#hydration = new Hydration(options);
    this.#passivation = new Passivation({
      clock: options.clock,
      rulesOf: (kind) => options.kinds.get(kind)?.options,
      sleep: (activation) => void this.#stop(activation),
    });
    const { self, shards, store, lease, clock, makeRef } = options;
    this.#activations = {
      store,
      lease,
      clock,
      makeRef,
      nodeId: self.nodeId,
      isOwner: (at) => shards.isOwnedBy(self, at),
      level: () => options.membership.level,
      onStored: (activation, snapshot) => this.#passivation.stored(activation, snapshot),
    };
  }

  get size(): number {
    return this.#byAddress.size;
  }

  /** Live activations, by kind. */
  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { name } of this.#byAddress.values()) counts[name.kind] = (counts[name.kind] ?? 0) + 1;
    return counts;
  }

  /** Calls back with the address of each entity that comes alive here; returns the function that ends it. */
  onActivated(listener: (address: Address) => void): () => void {
    this.#onActivated.add(listener);
    return () => this.#onActivated.delete(listener);
  }

  /** The actor behind an entity, when it is alive here. */
  find(address: Address): Ref | undefined {
    return this.#byAddress.get(address)?.ref;
  }

  /**
   * Delivers to an entity of a shard that this node owns in `epoch`, starting it if need be. False when it is just
   * stopping: the caller keeps the parcel until `onEnded`.
   */
  deliver(name: EntityName, shard: ShardId, epoch: number, parcel: Parcel): boolean {
    const { courier, system } = this.#options;
    if (this.#closed) {
      courier.refuse(parcel, new TuttiError('TUTTI_CLOSED', { what: 'This node' }));
      return true;
    }
    const declared = this.#options.kinds.get(name.kind);
    if (!declared) {
      const details = { kind: name.kind };
      courier.bury(parcel, 'unknown-actor', new TuttiError('TUTTI_ENTITY_KIND_UNKNOWN', details));
      return true;
    }
    const known = this.#byAddress.get(parcel.address);
    if (known?.stopping) return false;
    if (parcel.event.type === STOP_EVENT) {
      if (!known) parcel.target?.reply(null);
      else void this.#stop(known).then(() => parcel.target?.reply(null));
      return true;
    }
    let activation = known;
    try {
      activation ??= this.#activate(declared, name, shard, epoch);
    } catch (thrown) {
      const problem = messageOf(thrown);
      const failed = new TuttiError('TUTTI_ACTOR_FAILED', { address: parcel.address, problem });
      courier.refuse(parcel, isTuttiError(thrown) ? thrown : failed);
      return true;
    }
    if (!activation) {
      courier.bury(parcel, 'stopped', new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: parcel.address }));
      return true;
    }
    this.#passivation.used(activation);
    system.deliver(activation.ref!.address, parcel.event, parcel.target);
    return true;
  }

  /**
   * Starts an entity of a shard that this node owns in `epoch`, without a message; one that is alive goes on.
   * @returns false when it could not be started now and another try may succeed
   */
  start(name: EntityName, shard: ShardId, epoch: number): boolean {
    const declared = this.#options.kinds.get(name.kind);
    if (this.#closed || !declared || this.#byAddress.has(entityAddress(name))) return true;
    try {
      const activation = this.#activate(declared, name, shard, epoch);
      if (activation) this.#passivation.used(activation);
      return true;
    } catch (thrown) {
      this.#hydration.tell(name.kind, thrown);
      // What the present code cannot restore it cannot restore a second later either.
      return isTuttiError(thrown) && thrown.code.startsWith('TUTTI_SNAPSHOT_');
    }
  }

  /** Starts the singletons whose shard this node owns. */
  startSingletons(shard: ShardId, epoch: number): void {
    for (const { kind } of this.#singletons()) {
      const name: EntityName = { kind, key: SINGLETON_KEY };
      if (shardOf(name.kind, name.key, this.#options.shards.size) === shard) this.start(name, shard, epoch);
    }
  }

  #singletons(): readonly DeclaredKind[] {
    return [...this.#options.kinds.values()].filter(({ options }) => options.singleton);
  }

  isSingleton({ kind, key }: EntityName): boolean {
    return key === SINGLETON_KEY && this.#options.kinds.get(kind)?.options.singleton === true;
  }

  /** Fences and stops what runs in a shard under any epoch but this one; -1 for all of it. */
  fence(shard: ShardId, epoch: number): void {
    for (const activation of this.#byShard.get(shard) ?? []) {
      if (activation.epoch === epoch) continue;
      activation.fence();
      void this.#stop(activation);
    }
  }

  /**
   * Lets the entities of a shard finish what is in their mailboxes, and answer within this time the asks that they hold;
   * resolves when the last is gone.
   */
  async release(shard: ShardId, withinMs: number): Promise<void> {
    const all = [...(this.#byShard.get(shard) ?? [])];
    await Promise.all(all.map((activation) => this.#stop(activation, withinMs)));
  }

  /** Has the entities of a shard end with the turns that they are in, whatever else they were sent. */
  hurry(shard: ShardId): void {
    for (const activation of this.#byShard.get(shard) ?? []) activation.hurry();
  }

  /** Ends the entities of a shard in the middle of their turns. */
  cutOff(shard: ShardId): void {
    for (const activation of Array.from(this.#byShard.get(shard) ?? [])) {
      activation.cutOff();
      this.#forget(activation, false);
    }
  }

  /** Fences everything at once and starts nothing more. */
  close(): void {
    this.#closed = true;
    this.#passivation.close();
    for (const shard of this.#byShard.keys()) this.fence(shard, -1);
  }

  #activate(declared: DeclaredKind, name: EntityName, shard: ShardId, epoch: number): Activation | undefined {
    const { system, states, consensus, onStarted } = this.#options;
    const { logic, options, identity } = declared;
    const durable = options.durable ?? true;
    if (durable) this.#checkLevel(declared);
    const known = durable ? states.get(name) : undefined;
    if (isEnded(known)) return undefined;
    const state = known && this.#hydration.hydrate(known, declared);
    const bornAt = consensus.status().appliedIndex;
    const given = { name, shard, epoch, durable, logic: identity, state, bornAt };
    const activation = new Activation(this.#activations, given);
    const input: unknown = options.input ? options.input(name.key) : { kind: name.kind, key: name.key };
    activation.ref = system.spawn(logic, {
      id: system.ids.next(`entity~${name.kind}`),
      input,
      keeper: activation,
      ...(options.supervise === undefined ? {} : { supervise: options.supervise }),
      ...(options.mailbox ? { mailbox: options.mailbox } : {}),
    });
    this.#add(activation);
    activation.ref.watch(({ reason }) => void this.#ended(activation, reason === 'failed'));
    onStarted(shard, name);
    for (const listener of Array.from(this.#onActivated)) listener(entityAddress(name));
    return activation;
  }

  /** A node from before there were versions would forget which version a state is of. */
  #checkLevel({ kind, identity: { version } }: DeclaredKind): void {
    const { level } = this.#options.membership;
    if (version > 1) mustBeOfLevel(level, LEVEL.declarations, `Version ${version} of "${kind}"`);
  }

  #add(activation: Activation): void {
    this.#byAddress.set(entityAddress(activation.name), activation);
    let set = this.#byShard.get(activation.shard);
    if (!set) this.#byShard.set(activation.shard, (set = new Set()));
    set.add(activation);
  }

  #stop(activation: Activation, withinMs = 0): Promise<void> {
    this.#passivation.left(activation);
    const stopped = activation.stop(withinMs);
    activation.stopping ??= stopped
      .catch((thrown: unknown) =>
        this.#options.logger.warn(
          { ...activation.name, problem: messageOf(thrown) },
          'an entity did not stop well',
        ),
      )
      .then(() => this.#ended(activation, false));
    return activation.stopping;
  }

  /** Forgets it, once the local copy of the log shows its last commit: the next activation begins from that. */
  async #ended(activation: Activation, hasFailed: boolean): Promise<void> {
    const { name, version } = activation;
    if (this.#byAddress.get(entityAddress(name)) !== activation) return;
    this.#passivation.left(activation);
    activation.stopping ??= Promise.resolve();
    if ((this.#options.states.get(name)?.version ?? 0) < version)
      await this.#options.consensus.readBarrier().catch(() => {});
    this.#forget(activation, hasFailed);
  }

  #forget(activation: Activation, hasFailed: boolean): void {
    const { name, shard } = activation;
    const address = entityAddress(name);
    if (this.#byAddress.get(address) !== activation) return;
    this.#byAddress.delete(address);
    const set = this.#byShard.get(shard);
    set?.delete(activation);
    if (set?.size === 0) this.#byShard.delete(shard);
    this.#options.onEnded(shard, name, hasFailed, activation.leftOver);
  }
}
