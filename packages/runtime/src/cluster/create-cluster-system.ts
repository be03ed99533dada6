import type { ReplicatedModule } from '@tutti/consensus';
import {
  backoffDelayMs,
  type Clock,
  type ErrorCode,
  isTuttiError,
  messageOf,
  nodeId,
  TuttiError,
} from '@tutti/kernel';
import type { AnyActorLogic, EventFromLogic, EventObject, SnapshotFrom } from 'xstate';
import { logicIdentity } from '../actor/logic-identity.ts';
import type { Address, Ref } from '../actor/ref.ts';
import {
  checkEntityOptions,
  type EntityKind,
  type EntityOptions,
  SINGLETON_KEY,
} from '../sharding/entity-options.ts';
import { entityAddress } from '../sharding/shard-id.ts';
import { SHARD_MAP, type ShardCommand, sameLife } from '../sharding/shard-map.ts';
import { misplacedSupervisor, supervisionOf } from '../supervision/supervisor.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import { misplaced, threadedSpecOf } from '../threads/threaded.ts';
import { CLUSTER_LEVEL, LEVEL } from './cluster-level.ts';
import { type ClusterParts, joinParts } from './cluster-parts.ts';
import type {
  ClusterSystem,
  ClusterSystemOptions,
  ClusterSystemStatus,
  StopOptions,
} from './cluster-system.ts';
import { CoordinatedShutdown, type ShutdownPhase, type ShutdownTask } from './coordinated-shutdown.ts';
import type { Declaration, DeclaredLogic } from './declaration.ts';
import type { Member, Members } from './member.ts';
import { type Life, MEMBERSHIP, type MembershipCommand } from './membership.ts';
import type { Receptionist } from './receptionist.ts';
import {
  isReplicatedModule,
  type ReplicatedHandle,
  type ReplicatedOptions,
  replicatedHandle,
} from './replicated.ts';
import { ReplicatedLogic } from './replicated-logic.ts';
import type { Topic } from './topics.ts';

/** Puts the cluster's placements on top of one node's actor system. */
export function createClusterSystem(options: ClusterSystemOptions): ClusterSystem {
  return new ClusterNode(options);
}

/** How long one try to join may take. */
const JOIN_MS = 2_000;
/** What no further try can change. */
const JOIN_REFUSALS: ReadonlySet<string> = new Set<ErrorCode>([
  'TUTTI_SHARDS_MISMATCH',
  'TUTTI_MEMBER_SUPERSEDED',
  'TUTTI_CLUSTER_LEVEL',
  'TUTTI_DECLARATION_MISMATCH',
  'TUTTI_LEASE_MISMATCH',
]);
/** How long a node that stops tries to say so; when the rest of the cluster is gone, nobody is there to hear it. */
const LEFT_MS = 1_000;
/** How much longer than `drainMs` a stop waits for its hand-over to end. */
const DRAIN_GRACE_MS = 1_000;
/** How long a node that has handed everything over still passes on what comes for it. */
const PASS_ON_MS = 50;
/** How often a node that drains looks whether it still owns shards. */
const DRAIN_LOOK_MS = 10;

class ClusterNode implements ClusterSystem {
  readonly system: ActorSystem;
  readonly members: Members;
  readonly receptionist: Receptionist;
  readonly #options: ClusterSystemOptions;
  readonly #parts: ClusterParts;
  readonly #shutdown: CoordinatedShutdown;
  readonly #replicatedLogics: DeclaredLogic[] = [];
  #phase: 'new' | 'starting' | 'running' | 'draining' | 'stopped' = 'new';
  #evicted = false;
  #drained: Promise<void> | undefined;
  #left: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ClusterSystemOptions) {
    this.#options = options;
    this.#parts = joinParts(options);
    const { clock, logger, config } = this.#parts;
    this.#shutdown = new CoordinatedShutdown({ clock, logger, phaseMs: config.phaseMs });
    this.system = options.system;
    this.members = this.#parts.members;
    this.receptionist = this.#parts.receptionist;
    this.members.onChange((member) => this.#memberChanged(member));
    options.transport.onLink({
      linkUp: () => {},
      linkDown: (peer) => {
        if (this.members.get(peer.nodeId)?.state === 'left') this.#parts.courier.nodeGone(peer);
      },
    });
  }

  entity<Logic extends AnyActorLogic>(
    kind: string,
    logic: Logic,
    options: EntityOptions<Logic> = {},
  ): EntityKind<Ref<EventFromLogic<Logic>, SnapshotFrom<Logic>>> {
    this.#mustBeNew(`The entity kind "${kind}"`);
    if (threadedSpecOf(logic)) throw misplaced('an entity, whose state is committed by its node');
    try {
      nodeId(kind);
    } catch {
      throw new TuttiError('TUTTI_ENTITY_KIND_INVALID', { kind });
    }
    if (this.#parts.kinds.has(kind)) throw new TuttiError('TUTTI_ENTITY_KIND_TAKEN', { kind });
    checkEntityOptions(kind, options as EntityOptions);
    if (options.remember) this.#parts.states.remember(kind);
    this.#parts.kinds.set(kind, {
      kind,
      logic,
      options: options as EntityOptions,
      identity: logicIdentity(logic, options.version),
      migrate: options.migrate,
    });
    return { kind, ref: (key = SINGLETON_KEY) => this.system.ref(entityAddress({ kind, key })) };
  }

  ref<Event extends EventObject = EventObject, Snapshot = unknown>(
    addressOrKind: Address,
    key?: string,
  ): Ref<Event, Snapshot> {
    if (key === undefined) return this.system.ref(addressOrKind);
    if (!this.#parts.kinds.has(addressOrKind))
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
    if (isReplicatedModule(placed)) return replicatedHandle(name, placed, consensus, this.#parts.logger);
    if (threadedSpecOf(placed)) throw misplaced('replicated, since every node computes that in lockstep');
    if (supervisionOf(placed))
      throw misplacedSupervisor('replicated: each node would start children of its own');
    const module = new ReplicatedLogic(name, placed, options, (address) => this.system.ref(address));
    consensus.register(module);
    this.#replicatedLogics.push({ name, placement: 'replicated', durable: true, ...module.identity });
    return this.#parts.replicated.add(module);
  }

  topic<Event extends EventObject = EventObject>(name: string): Topic<Event> {
    return this.#parts.topics.topic<Event>(name);
  }

  async start(): Promise<void> {
    this.#mustBeNew('The cluster');
    this.#phase = 'starting';
    const { consensus } = this.#options;
    await consensus.start();
    this.#parts.prober.start();
    this.#parts.lease.start();
    this.#parts.coordinator.start();
    this.#followMembers();
    await this.#join();
    if (this.#phase !== 'starting') return;
    this.#phase = 'running';
    this.#parts.region.refresh();
  }

  drain(): Promise<void> {
    this.#drained ??= this.#handOver();
    return this.#drained;
  }

  leave(options: StopOptions = {}): Promise<void> {
    this.#left ??= this.#leave(options.handOver ?? true);
    return this.#left;
  }

  stop({ handOver = true }: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#shutDown(handOver);
    return this.#stopping;
  }

  status(): ClusterSystemStatus {
    const shards: Record<string, number> = {};
    let moving = 0;
    for (const { owner, target } of this.#parts.shards.list()) {
      const node = owner?.nodeId ?? '';
      shards[node] = (shards[node] ?? 0) + 1;
      if (target) moving++;
    }
    return {
      ...this.#parts.self,
      members: this.members.list(),
      suspected: this.#parts.prober.suspected(),
      shards,
      moving,
      entities: this.#parts.host.counts(),
      stored: this.#parts.states.counts(),
      ended: this.#parts.states.ended,
      level: this.#parts.membership.level,
      buffered: this.#parts.region.buffered,
      starting: this.#parts.awakener.waiting,
      leased: this.#parts.lease.isValid,
      evicted: this.#evicted,
    };
  }

  get level(): number {
    return this.#parts.membership.level;
  }

  #mustBeNew(what: string): void {
    if (this.#phase !== 'new') throw new TuttiError('TUTTI_STARTED', { what });
  }

  get #clock(): Clock {
    return this.#options.clock;
  }

  /** Tries until it is a member: without a quorum there is nobody to join. */
  async #join(): Promise<void> {
    const { consensus, labels = {}, adminUrl, random } = this.#options;
    const { logger } = this.#parts;
    const join: MembershipCommand & { readonly type: 'join' } = {
      type: 'join',
      ...this.#parts.self,
      labels,
      ...(adminUrl === undefined ? {} : { adminUrl }),
      ...this.#levelAndDeclaration(),
    };
    const configure: ShardCommand = { type: 'configure', shards: this.#parts.config.shards };
    for (let retry = 0; this.#phase === 'starting'; retry++) {
      try {
        await consensus.propose(SHARD_MAP, configure, { timeoutMs: JOIN_MS });
        // Applied up to here this node knows the members; what it declares is compared with those it can reach.
        if (retry === 0) await this.#untilLinked();
        const linked = this.#linkedMembers();
        await consensus.propose(MEMBERSHIP, { ...join, linked }, { timeoutMs: JOIN_MS });
        return;
      } catch (thrown) {
        if (isTuttiError(thrown) && JOIN_REFUSALS.has(thrown.code)) {
          this.#parts.coordinator.resign();
          throw thrown;
        }
        logger.info({ problem: messageOf(thrown) }, 'could not join yet');
      }
      await this.#sleep(backoffDelayMs(retry, { initialMs: 50, maxMs: 1_000 }, random));
    }
  }

  /** Gives the links to members a moment to come up; of those that are gone none will. */
  async #untilLinked(): Promise<void> {
    const { membership, self, config } = this.#parts;
    const others = this.members.list().filter((m) => m.nodeId !== self.nodeId && membership.isAlive(m));
    const isLinked = (node: string) =>
      this.#options.transport.linked().some(({ nodeId: peer }) => peer === node);
    const deadline = this.#clock.now() + config.linkDownGraceMs;
    while (others.some((m) => !isLinked(m.nodeId)) && this.#clock.now() < deadline)
      await this.#sleep(DRAIN_LOOK_MS);
  }

  #linkedMembers(): readonly Life[] {
    const linked = this.#options.transport.linked();
    return linked
      .map(({ nodeId: node, incarnation }) => ({ nodeId: node, incarnation }))
      .filter((life) => this.#parts.membership.isAlive(life));
  }

  /** A node from before there were levels said neither. */
  #levelAndDeclaration(): { readonly level?: number; readonly declares?: Declaration } {
    const { level = CLUSTER_LEVEL } = this.#options;
    return level < LEVEL.declarations ? {} : { level, declares: this.#declaration() };
  }

  #declaration(): Declaration {
    const { kinds, config } = this.#parts;
    const entities = [...kinds.values()].map(({ kind, identity, options }): DeclaredLogic => {
      const { singleton = false, durable = true } = options;
      return { name: kind, placement: singleton ? 'singleton' : 'entity', durable, ...identity };
    });
    const { leaseMs, takeoverWaitMs, weight } = config;
    return { leaseMs, takeoverWaitMs, weight, logics: [...entities, ...this.#replicatedLogics] };
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(delayMs, resolve));
  }

  #memberChanged(member: Member): void {
    this.#followMembers();
    const isLinked = this.#options.transport.linked().some(({ nodeId: node }) => node === member.nodeId);
    // Answers of one that left may still be on their way; its link going down is the end of them.
    if (member.state === 'lost' || (member.state === 'left' && !isLinked))
      this.#parts.courier.nodeGone(member);
    if (sameLife(member, this.#parts.self) && member.state === 'lost') this.#evict(member);
    else if (member.nodeId === this.#parts.self.nodeId && member.incarnation > this.#parts.self.incarnation)
      this.#evict(member);
    this.#parts.region.membersChanged();
  }

  #followMembers(): void {
    this.#parts.prober.follow(this.members.list().filter((m) => this.#parts.membership.isAlive(m)));
  }

  #evict(member: Member): void {
    if (this.#evicted) return;
    this.#evicted = true;
    const { nodeId: node, incarnation } = this.#parts.self;
    const why = `it is ${member.state}`;
    this.#parts.lease.revoke(new TuttiError('TUTTI_MEMBER_SUPERSEDED', { node, incarnation, why }));
    this.#parts.coordinator.resign();
    this.#parts.logger.warn({ node, incarnation }, 'the others gave this life of the node up');
    // Its watchers elsewhere were told that they are gone, so they go.
    void this.#stopActors();
    this.#options.onEvicted?.();
  }

  #stopActors(): Promise<void> {
    this.#parts.host.close();
    this.#parts.region.stop();
    return this.system.stop();
  }

  #ownsShards(): boolean {
    return this.#parts.shards.list().some(({ owner }) => sameLife(owner, this.#parts.self));
  }

  async #handOver(): Promise<void> {
    if (this.#phase !== 'running' || this.#evicted) return;
    this.#phase = 'draining';
    const deadline = this.#clock.now() + this.#parts.config.drainMs;
    this.#parts.region.leavesBy(deadline);
    if (!(await this.#propose({ type: 'leave', ...this.#parts.self }, this.#parts.config.drainMs))) return;
    const hasHeir = () => this.#parts.membership.up().length > 0;
    while (this.#ownsShards() && hasHeir() && !this.#evicted && this.#clock.now() < deadline)
      await this.#sleep(DRAIN_LOOK_MS);
    // Others may have sent here before they knew; it is passed on.
    await this.#sleep(Math.max(PASS_ON_MS, this.#parts.config.settleMs));
    // The answers to it come back this way: such as those to what an entity had put off and took along.
    while (this.#relaysAsks() && !this.#evicted && this.#clock.now() < deadline)
      await this.#sleep(DRAIN_LOOK_MS);
  }

  /** Whether other nodes wait for answers to what was passed on, or waits here until it can be. */
  #relaysAsks(): boolean {
    return this.#parts.courier.relayedAsks > 0 || this.#parts.region.relayedAsks > 0;
  }

  async #propose(command: MembershipCommand, timeoutMs: number): Promise<boolean> {
    try {
      await this.#options.consensus.propose(MEMBERSHIP, command, { timeoutMs });
      return true;
    } catch (thrown) {
      this.#parts.logger.warn(
        { problem: messageOf(thrown), command: command.type },
        'could not tell the cluster',
      );
      return false;
    }
  }

  onStop(phase: ShutdownPhase, name: string, task: ShutdownTask): () => void {
    return this.#shutdown.add(phase, name, task);
  }

  async #shutDown(handOver: boolean): Promise<void> {
    await this.leave({ handOver });
    await this.#shutdown.run('close', () => {
      this.#parts.coordinator.stop();
      this.#parts.prober.stop();
      this.#parts.lease.revoke(new TuttiError('TUTTI_CLOSED', { what: 'This node' }));
      this.#parts.courier.stop();
      this.#parts.receptionist.stop();
      return this.#options.consensus.stop();
    });
  }

  async #leave(handOver: boolean): Promise<void> {
    const shutdown = this.#shutdown;
    await shutdown.run('unbind', () => {});
    const drainMs = this.#parts.config.drainMs + DRAIN_GRACE_MS;
    await shutdown.run('hand-over', () => (handOver ? this.drain() : undefined), drainMs);
    const wasMember = this.#phase === 'draining';
    this.#phase = 'stopped';
    await shutdown.run('stop-actors', () => this.#stopActors());
    // Only now: nothing of this life acts any more, so that what is left may be taken at once.
    await shutdown.run('leave', () =>
      wasMember && !this.#evicted ? this.#propose({ type: 'left', ...this.#parts.self }, LEFT_MS) : undefined,
    );
    this.#parts.coordinator.resign();
  }
}
