import type { Consensus } from '@tutti/consensus';
import { type Clock, isTuttiError, type Logger, messageOf, type Timer, TuttiError } from '@tutti/kernel';
import type { AnyActorLogic } from 'xstate';
import type { Address, Ref } from '../actor/ref.ts';
import type { Courier } from '../cluster/courier.ts';
import type { Life } from '../cluster/membership.ts';
import type { Parcel } from '../cluster/parcel.ts';
import type { QuorumLease } from '../cluster/quorum-lease.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import { Activation } from './activation.ts';
import { type EntityOptions, SINGLETON_KEY } from './entity-options.ts';
import { type EntityStates, isEnded } from './entity-states.ts';
import type { EntityStore } from './entity-store.ts';
import { type EntityName, entityAddress, type ShardId, shardOf } from './shard-id.ts';
import type { ShardMap } from './shard-map.ts';

/** The event that asks an entity's host to stop it; never seen by the entity. */
export const STOP_EVENT = 'tutti.entity.stop';

/** A kind as it was declared. */
export interface DeclaredKind {
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
  readonly shards: ShardMap;
  readonly states: EntityStates;
  readonly store: EntityStore;
  readonly lease: QuorumLease;
  readonly courier: Courier;
  readonly kinds: ReadonlyMap<string, DeclaredKind>;
  /** Told when a shard's activation has ended, so that what waited for that can go on. */
  readonly onEnded: (shard: ShardId) => void;
}

/** The entities that are alive on this node. */
export class EntityHost {
  readonly #options: EntityHostOptions;
  readonly #byAddress = new Map<Address, Activation>();
  readonly #byShard = new Map<ShardId, Set<Activation>>();
  readonly #onActivated = new Set<(address: Address) => void>();
  #passivation: Timer | undefined;
  #closed = false;

  constructor(options: EntityHostOptions) {
    this.#options = options;
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
    const { courier, system, clock } = this.#options;
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
    activation.lastUsedAt = clock.now();
    system.deliver(activation.ref!.address, parcel.event, parcel.target);
    return true;
  }

  /** Starts the singletons whose shard this node owns. */
  startSingletons(shard: ShardId, epoch: number): void {
    if (this.#closed) return;
    for (const declared of this.#singletons()) {
      const name: EntityName = { kind: declared.kind, key: SINGLETON_KEY };
      if (shardOf(name.kind, name.key, this.#options.shards.size) !== shard) continue;
      if (this.#byAddress.has(entityAddress(name))) continue;
      try {
        this.#activate(declared, name, shard, epoch);
      } catch (thrown) {
        this.#options.logger.error(
          { ...name, problem: messageOf(thrown) },
          'a singleton could not be started',
        );
      }
    }
  }

  #singletons(): readonly DeclaredKind[] {
    return [...this.#options.kinds.values()].filter(({ options }) => options.singleton);
  }

  /** Whether a shard holds a singleton. */
  hasSingleton(shard: ShardId): boolean {
    const { size } = this.#options.shards;
    return this.#singletons().some(({ kind }) => shardOf(kind, SINGLETON_KEY, size) === shard);
  }

  /** Fences and stops what runs in a shard under any epoch but this one; -1 for all of it. */
  fence(shard: ShardId, epoch: number): void {
    for (const activation of this.#byShard.get(shard) ?? []) {
      if (activation.epoch === epoch) continue;
      activation.fence();
      void this.#stop(activation);
    }
  }

  /** Lets the entities of a shard finish what is in their mailboxes, and resolves when the last is gone. */
  async release(shard: ShardId): Promise<void> {
    await Promise.all([...(this.#byShard.get(shard) ?? [])].map((activation) => this.#stop(activation)));
  }

  /** Fences everything at once and starts nothing more. */
  close(): void {
    this.#closed = true;
    if (this.#passivation) this.#options.clock.clearTimer(this.#passivation);
    for (const shard of this.#byShard.keys()) this.fence(shard, -1);
  }

  #activate(
    { logic, options }: DeclaredKind,
    name: EntityName,
    shard: ShardId,
    epoch: number,
  ): Activation | undefined {
    const { system, clock, self, shards, store, lease, states } = this.#options;
    const durable = options.durable ?? true;
    const state = durable ? states.get(name) : undefined;
    if (isEnded(state)) return undefined;
    const activation = new Activation({
      name,
      shard,
      epoch,
      durable,
      state,
      store,
      lease,
      nodeId: self.nodeId,
      isOwner: () => shards.isOwnedBy(self, { shard, epoch }),
      makeRef: (address) => system.ref(address),
    });
    const input: unknown = options.input ? options.input(name.key) : { kind: name.kind, key: name.key };
    activation.ref = system.spawn(logic, {
      id: system.ids.next(`entity~${name.kind}`),
      input,
      keeper: activation,
      ...(options.supervise === undefined ? {} : { supervise: options.supervise }),
      ...(options.mailbox ? { mailbox: options.mailbox } : {}),
    });
    activation.lastUsedAt = clock.now();
    this.#add(activation);
    activation.ref.watch(() => void this.#ended(activation));
    for (const listener of Array.from(this.#onActivated)) listener(entityAddress(name));
    if (options.passivateAfterMs !== undefined) this.#schedulePassivation();
    return activation;
  }

  #add(activation: Activation): void {
    this.#byAddress.set(entityAddress(activation.name), activation);
    let set = this.#byShard.get(activation.shard);
    if (!set) this.#byShard.set(activation.shard, (set = new Set()));
    set.add(activation);
  }

  #stop(activation: Activation): Promise<void> {
    activation.stopping ??= activation
      .ref!.stop()
      .catch((thrown: unknown) =>
        this.#options.logger.warn(
          { ...activation.name, problem: messageOf(thrown) },
          'an entity did not stop well',
        ),
      )
      .then(() => this.#ended(activation));
    return activation.stopping;
  }

  /** Forgets it, once the local copy of the log shows its last commit: the next activation begins from that. */
  async #ended(activation: Activation): Promise<void> {
    const address = entityAddress(activation.name);
    if (this.#byAddress.get(address) !== activation) return;
    activation.stopping ??= Promise.resolve();
    if ((this.#options.states.get(activation.name)?.version ?? 0) < activation.version)
      await this.#options.consensus.readBarrier().catch(() => {});
    if (this.#byAddress.get(address) !== activation) return;
    this.#byAddress.delete(address);
    const set = this.#byShard.get(activation.shard);
    set?.delete(activation);
    if (set?.size === 0) this.#byShard.delete(activation.shard);
    this.#options.onEnded(activation.shard);
  }

  #schedulePassivation(): void {
    const intervals = [...this.#options.kinds.values()].flatMap(
      ({ options }) => options.passivateAfterMs ?? [],
    );
    const everyMs = Math.max(1, Math.min(...intervals) / 2);
    this.#passivation ??= this.#options.clock.setTimer(everyMs, () => {
      this.#passivation = undefined;
      this.#passivate();
      if (this.#byAddress.size > 0) this.#schedulePassivation();
    });
  }

  #passivate(): void {
    const now = this.#options.clock.now();
    for (const activation of this.#byAddress.values()) {
      const idleMs = this.#options.kinds.get(activation.name.kind)?.options.passivateAfterMs;
      if (idleMs !== undefined && !activation.stopping && now - activation.lastUsedAt >= idleMs)
        void this.#stop(activation);
    }
  }
}
