import type { ReplicatedModule } from '@tutti/consensus';
import {
  backoffDelayMs,
  type Clock,
  isTuttiError,
  messageOf,
  nodeId,
  silentLogger,
  TuttiError,
} from '@tutti/kernel';
import type { AnyActorLogic, EventFromLogic, EventObject, SnapshotFrom } from 'xstate';
import { AskTable } from '../actor/ask.ts';
import type { Address, Ref } from '../actor/ref.ts';
import { Coordinator } from '../sharding/coordinator.ts';
import { type DeclaredKind, EntityHost } from '../sharding/entity-host.ts';
import { type EntityKind, type EntityOptions, SINGLETON_KEY } from '../sharding/entity-options.ts';
import { EntityRefs } from '../sharding/entity-refs.ts';
import { EntityStates } from '../sharding/entity-states.ts';
import { EntityStore } from '../sharding/entity-store.ts';
import { Region } from '../sharding/region.ts';
import { entityAddress } from '../sharding/shard-id.ts';
import { SHARD_MAP, type ShardCommand, ShardMap, sameLife } from '../sharding/shard-map.ts';
import { type ClusterConfig, clusterConfig } from './cluster-config.ts';
import type { ClusterSystem, ClusterSystemOptions, ClusterSystemStatus } from './cluster-system.ts';
import { Courier } from './courier.ts';
import type { Member, Members } from './member.ts';
import { MembersView } from './members-view.ts';
import { type Life, MEMBERSHIP, Membership, type MembershipCommand } from './membership.ts';
import { ObservedActors } from './observed-actors.ts';
import { Prober } from './prober.ts';
import { QuorumLease } from './quorum-lease.ts';
import { RemoteObservers } from './remote-observers.ts';
import { RemoteRefs } from './remote-refs.ts';
import {
  isReplicatedModule,
  type ReplicatedHandle,
  type ReplicatedOptions,
  replicatedHandle,
} from './replicated.ts';
import { ReplicatedLogic } from './replicated-logic.ts';
import { ReplicatedRefs } from './replicated-refs.ts';

/** Puts the cluster's placements on top of one node's actor system. */
export function createClusterSystem(options: ClusterSystemOptions): ClusterSystem {
  return new ClusterNode(options);
}

/** How long one try to join may take. */
const JOIN_MS = 2_000;
/** How long a node that stops tries to say so; when the rest of the cluster is gone, nobody is there to hear it. */
const LEFT_MS = 1_000;
/** How often a node that drains looks whether it still owns shards. */
const DRAIN_LOOK_MS = 10;

class ClusterNode implements ClusterSystem {
  readonly system: ClusterSystemOptions['system'];
  readonly members: Members;
  readonly #options: ClusterSystemOptions;
  readonly #config: ClusterConfig;
  readonly #self: Life;
  readonly #membership = new Membership();
  readonly #shards: ShardMap;
  readonly #states: EntityStates;
  readonly #kinds = new Map<string, DeclaredKind>();
  readonly #courier: Courier;
  readonly #prober: Prober;
  readonly #lease: QuorumLease;
  readonly #host: EntityHost;
  readonly #region: Region;
  readonly #coordinator: Coordinator;
  readonly #replicated: ReplicatedRefs;
  #phase: 'new' | 'starting' | 'running' | 'draining' | 'stopped' = 'new';
  #evicted = false;
  #drained: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ClusterSystemOptions) {
    const { system, consensus, transport, clock } = options;
    const logger = options.logger ?? silentLogger;
    const config = clusterConfig(options.config);
    this.#options = options;
    this.#config = config;
    this.system = system;
    this.#self = { nodeId: system.nodeId, incarnation: system.incarnation };
    const self = this.#self;
    this.#shards = new ShardMap(this.#membership);
    this.#states = new EntityStates(this.#shards);
    // The order matters: a module reads only those registered before it, so a restored state is never half there.
    for (const module of [this.#membership, this.#shards, this.#states]) consensus.register(module);
    const membership = this.#membership;
    const shards = this.#shards;
    const states = this.#states;
    const kinds = this.#kinds;
    const members = new MembersView(membership, consensus);
    this.members = members;
    const asks = new AskTable(clock, system.deadLetters, config.remoteTableMax);

    const courier = new Courier({ system, transport, clock, logger, asksMax: config.remoteTableMax });
    const observers = new RemoteObservers({
      courier,
      transport,
      members,
      clock,
      limit: config.remoteTableMax,
    });
    const { remoteTableMax: limit, subscribeIntervalMs } = config;
    const observed = new ObservedActors({
      system,
      courier,
      transport,
      members,
      clock,
      logger,
      limit,
      subscribeIntervalMs,
    });
    courier.onSignal((from, message) => {
      if (message.t === 'ended' || message.t === 'snapshot') observers.receive(from, message);
      else observed.receive(from, message);
    });
    this.#courier = courier;
    system.addResolver(new RemoteRefs({ courier, observers, asks, members, transport, clock }));

    this.#lease = new QuorumLease({
      consensus,
      clock,
      leaseMs: config.leaseMs,
      renewMs: config.leaseRenewMs,
      isNeeded: () => this.#host.size > 0,
    });
    const store = new EntityStore({ self, consensus, clock, shards: config.shards });
    this.#host = new EntityHost({
      self,
      system,
      consensus,
      clock,
      logger,
      shards,
      states,
      store,
      lease: this.#lease,
      courier,
      kinds,
      onEnded: (shard) => this.#region.activationEnded(shard),
    });
    const host = this.#host;
    this.#region = new Region({
      self,
      consensus,
      transport,
      clock,
      logger,
      config,
      shards,
      membership,
      courier,
      host,
    });
    const region = this.#region;
    const makeRef = (address: Address): Ref => system.ref(address);
    system.addResolver(new EntityRefs({ consensus, clock, asks, region, host, states, kinds, makeRef }));
    this.#replicated = new ReplicatedRefs({
      consensus,
      clock,
      asks,
      deadLetters: system.deadLetters,
      makeRef,
    });
    system.addResolver(this.#replicated);
    courier.onParcel((parcel) => {
      if (parcel.address.startsWith('local:')) system.deliver(parcel.address, parcel.event, parcel.target);
      else region.route(parcel);
    });

    this.#prober = new Prober({
      transport,
      clock,
      logger,
      config,
      onSuspicion: (node, suspected) => this.#coordinator.suspicionChanged(node, suspected),
    });
    this.#coordinator = new Coordinator({
      self,
      consensus,
      clock,
      logger,
      config,
      members,
      membership,
      shards,
      suspected: () => this.#prober.suspected(),
    });
    members.onChange((member, before) => {
      // The leader may have suspected the last life until now; that must not strike the new one.
      if (before === undefined && member.state === 'up') this.#prober.renew(member.nodeId);
      this.#memberChanged(member);
    });
  }

  entity<Logic extends AnyActorLogic>(
    kind: string,
    logic: Logic,
    options: EntityOptions<Logic> = {},
  ): EntityKind<Ref<EventFromLogic<Logic>, SnapshotFrom<Logic>>> {
    this.#mustBeNew(`The entity kind "${kind}"`);
    try {
      nodeId(kind);
    } catch {
      throw new TuttiError('TUTTI_ENTITY_KIND_INVALID', { kind });
    }
    if (this.#kinds.has(kind)) throw new TuttiError('TUTTI_ENTITY_KIND_TAKEN', { kind });
    this.#kinds.set(kind, { kind, logic, options: options as EntityOptions });
    return { kind, ref: (key = SINGLETON_KEY) => this.system.ref(entityAddress({ kind, key })) };
  }

  ref<Event extends EventObject = EventObject, Snapshot = unknown>(
    addressOrKind: Address,
    key?: string,
  ): Ref<Event, Snapshot> {
    if (key === undefined) return this.system.ref(addressOrKind);
    if (!this.#kinds.has(addressOrKind))
      throw new TuttiError('TUTTI_ENTITY_KIND_UNKNOWN', { kind: addressOrKind });
    return this.system.ref(entityAddress({ kind: addressOrKind, key }));
  }

  replicated<Module extends ReplicatedModule>(name: string, module: Module): ReplicatedHandle<Module>;
  replicated<Logic extends AnyActorLogic>(
    name: string,
    logic: Logic,
    options?: ReplicatedOptions<Logic>,
  ): Ref<EventFromLogic<Logic>, SnapshotFrom<Logic>>;
  replicated(
    name: string,
    placed: ReplicatedModule | AnyActorLogic,
    options: ReplicatedOptions = {},
  ): ReplicatedHandle | Ref {
    this.#mustBeNew(`The replicated "${name}"`);
    const { consensus } = this.#options;
    if (isReplicatedModule(placed)) return replicatedHandle(name, placed, consensus);
    const module = new ReplicatedLogic(name, placed, options, (address) => this.system.ref(address));
    consensus.register(module);
    return this.#replicated.add(module);
  }

  async start(): Promise<void> {
    this.#mustBeNew('The cluster');
    this.#phase = 'starting';
    const { consensus } = this.#options;
    await consensus.start();
    this.#prober.start();
    this.#lease.start();
    this.#coordinator.start();
    this.#followMembers();
    await this.#join();
    if (this.#phase !== 'starting') return;
    this.#phase = 'running';
    this.#region.refresh();
  }

  drain(): Promise<void> {
    this.#drained ??= this.#handOver();
    return this.#drained;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#shutDown();
    return this.#stopping;
  }

  status(): ClusterSystemStatus {
    const shards: Record<string, number> = {};
    let moving = 0;
    for (const { owner, target } of this.#shards.list()) {
      const node = owner?.nodeId ?? '';
      shards[node] = (shards[node] ?? 0) + 1;
      if (target) moving++;
    }
    return {
      ...this.#self,
      members: this.members.list(),
      suspected: this.#prober.suspected(),
      shards,
      moving,
      entities: this.#host.counts(),
      stored: this.#states.counts(),
      buffered: this.#region.buffered,
      leased: this.#lease.isValid,
      evicted: this.#evicted,
    };
  }

  #mustBeNew(what: string): void {
    if (this.#phase !== 'new') throw new TuttiError('TUTTI_STARTED', { what });
  }

  get #clock(): Clock {
    return this.#options.clock;
  }

  /** Tries until it is a member: without a quorum there is nobody to join. */
  async #join(): Promise<void> {
    const { consensus, labels = {}, adminUrl, random, logger = silentLogger } = this.#options;
    const join: MembershipCommand = {
      type: 'join',
      ...this.#self,
      labels,
      ...(adminUrl === undefined ? {} : { adminUrl }),
    };
    const configure: ShardCommand = { type: 'configure', shards: this.#config.shards };
    for (let retry = 0; this.#phase === 'starting'; retry++) {
      try {
        await consensus.propose(SHARD_MAP, configure, { timeoutMs: JOIN_MS });
        await consensus.propose(MEMBERSHIP, join, { timeoutMs: JOIN_MS });
        return;
      } catch (thrown) {
        if (isTuttiError(thrown, 'TUTTI_SHARDS_MISMATCH') || isTuttiError(thrown, 'TUTTI_MEMBER_SUPERSEDED'))
          throw thrown;
        logger.info({ problem: messageOf(thrown) }, 'could not join yet');
      }
      await this.#sleep(backoffDelayMs(retry, { initialMs: 50, maxMs: 1_000 }, random));
    }
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(delayMs, resolve));
  }

  #memberChanged(member: Member): void {
    this.#followMembers();
    if (member.state === 'lost') this.#courier.nodeLost(member.nodeId);
    if (sameLife(member, this.#self) && member.state === 'lost') this.#evict(member);
    else if (member.nodeId === this.#self.nodeId && member.incarnation > this.#self.incarnation)
      this.#evict(member);
    this.#region.membersChanged();
  }

  #followMembers(): void {
    this.#prober.follow(
      this.members
        .list()
        .filter((m) => this.#membership.isAlive(m))
        .map((m) => m.nodeId),
    );
  }

  #evict(member: Member): void {
    if (this.#evicted) return;
    this.#evicted = true;
    const { nodeId: node, incarnation } = this.#self;
    const why = `it is ${member.state}`;
    this.#lease.revoke(new TuttiError('TUTTI_MEMBER_SUPERSEDED', { node, incarnation, why }));
    this.#host.close();
    this.#coordinator.stop();
    (this.#options.logger ?? silentLogger).warn(
      { node, incarnation },
      'the others gave this life of the node up',
    );
    this.#options.onEvicted?.();
  }

  #ownsShards(): boolean {
    return this.#shards.list().some(({ owner }) => sameLife(owner, this.#self));
  }

  async #handOver(): Promise<void> {
    if (this.#phase !== 'running' || this.#evicted) return;
    this.#phase = 'draining';
    const deadline = this.#clock.now() + this.#config.drainMs;
    if (!(await this.#propose({ type: 'leave', ...this.#self }, this.#config.drainMs))) return;
    const hasHeir = () => this.#membership.up().length > 0;
    while (this.#ownsShards() && hasHeir() && !this.#evicted && this.#clock.now() < deadline)
      await this.#sleep(DRAIN_LOOK_MS);
  }

  async #propose(command: MembershipCommand, timeoutMs: number): Promise<boolean> {
    try {
      await this.#options.consensus.propose(MEMBERSHIP, command, { timeoutMs });
      return true;
    } catch (thrown) {
      const { logger = silentLogger } = this.#options;
      logger.warn({ problem: messageOf(thrown), command: command.type }, 'could not tell the cluster');
      return false;
    }
  }

  async #shutDown(): Promise<void> {
    await this.drain();
    const wasMember = this.#phase === 'draining';
    this.#phase = 'stopped';
    this.#host.close();
    this.#region.stop();
    await this.system.stop();
    // Only now: nothing of this life runs any more, so that what is left may be taken at once.
    if (wasMember && !this.#evicted) await this.#propose({ type: 'left', ...this.#self }, LEFT_MS);
    this.#coordinator.stop();
    this.#prober.stop();
    this.#lease.revoke(new TuttiError('TUTTI_CLOSED', { what: 'This node' }));
    this.#courier.stop();
    await this.#options.consensus.stop();
  }
}
