import type { Consensus, ReplicatedModule } from '@tutti/consensus';
import type { Clock, IdSource, Incarnation, Logger, NodeId, Random, Transport } from '@tutti/kernel';
import type { AnyActorLogic, EventFromLogic, EventObject, SnapshotFrom } from 'xstate';
import type { Address, Ref } from '../actor/ref.ts';
import type { EntityKind, EntityOptions } from '../sharding/entity-options.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { ShutdownPhase, ShutdownTask } from './coordinated-shutdown.ts';
import type { Member, Members } from './member.ts';
import type { Receptionist } from './receptionist.ts';
import type { ReplicatedHandle, ReplicatedOptions } from './replicated.ts';
import type { Topic } from './topics.ts';

/** The parts that make one node of a cluster. */
export interface ClusterSystemOptions {
  readonly system: ActorSystem;
  /** Not started yet: {@link ClusterSystem.start} starts it, with all modules registered. */
  readonly consensus: Consensus;
  /** Opened and closed by the caller; its channels `actors` and `probes` are taken here. */
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdSource;
  readonly logger?: Logger;
  /** Labels of this member, for placement; default none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Where this node's admin interface listens, told to the others. */
  readonly adminUrl?: string;
  readonly config?: Partial<ClusterConfig>;
  /** What its modules claim to be able to apply, see `CLUSTER_LEVEL`; only tests and rehearsals of upgrades set it. */
  readonly level?: number;
  /**
   * The others agreed that this life of the node is gone. Its actors are being stopped, entities and others, and no other
   * node takes anything from it; it takes part again only with a new incarnation, so the node should be restarted.
   * Called once.
   */
  readonly onEvicted?: () => void;
}

/** How a cluster looks from one node. Soft state. */
export interface ClusterSystemStatus {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly members: readonly Member[];
  /** Nodes that this one suspects now. */
  readonly suspected: readonly NodeId[];
  /** Shards owned by each node, by the log as this node knows it; `''` stands for no owner. */
  readonly shards: Readonly<Record<string, number>>;
  /** Shards that are being handed over. */
  readonly moving: number;
  /** Live activations on this node, by kind. */
  readonly entities: Readonly<Record<string, number>>;
  /** Stored entities of the whole cluster, by kind; those that have ended are not. */
  readonly stored: Readonly<Record<string, number>>;
  /** Entities of the whole cluster that have ended and are remembered as such. */
  readonly ended: number;
  /** What all members can apply, see `CLUSTER_LEVEL`: 1 while one is of the version before. */
  readonly level: number;
  /** Messages that wait here for an owner. */
  readonly buffered: number;
  /** Entities that this node is about to start by itself, at its pace. */
  readonly starting: number;
  /** Whether this node may let its entities act now. */
  readonly leased: boolean;
  readonly evicted: boolean;
}

/** How a node stops. */
export interface StopOptions {
  /**
   * Whether the others are given its shards before it goes; default true. `false` when the whole cluster stops and
   * there is nobody to give them to, or nobody should: what is committed stays in the log, and the node comes back to it.
   */
  readonly handOver?: boolean;
}

/** One node's actors, with the cluster's placements on top of the local one. Register everything before `start`. */
export interface ClusterSystem {
  readonly system: ActorSystem;
  readonly members: Members;
  /** What all members can apply, by this node's copy of the log; see `CLUSTER_LEVEL`. For modules, while they apply. */
  readonly level: number;
  /**
   * Declares a kind of entity; every node of the cluster declares the same.
   * @throws TuttiError `TUTTI_ENTITY_KIND_INVALID`, `TUTTI_ENTITY_KIND_TAKEN`, `TUTTI_ENTITY_OPTIONS_INVALID`,
   * `TUTTI_STARTED`
   */
  entity<Logic extends AnyActorLogic>(
    kind: string,
    logic: Logic,
    options?: EntityOptions<Logic>,
  ): EntityKind<Ref<EventFromLogic<Logic>, SnapshotFrom<Logic>>>;
  /** A ref to any address. */
  ref<Event extends EventObject = EventObject, Snapshot = unknown>(address: Address): Ref<Event, Snapshot>;
  /** A ref to an entity. @throws TuttiError `TUTTI_ENTITY_KIND_UNKNOWN` */
  ref<Event extends EventObject = EventObject, Snapshot = unknown>(
    kind: string,
    key: string,
  ): Ref<Event, Snapshot>;
  /** Finds actors of the whole cluster by what they are for. */
  readonly receptionist: Receptionist;
  /** A topic of the whole cluster, or a pattern of such. @throws TuttiError `TUTTI_TOPIC_INVALID` */
  topic<Event extends EventObject = EventObject>(name: string): Topic<Event>;
  /** Places a module on every voter. @throws TuttiError `TUTTI_MODULE_DUPLICATE`, `TUTTI_STARTED` */
  replicated<Module extends ReplicatedModule>(name: string, module: Module): ReplicatedHandle<Module>;
  /** Places a logic on every voter, in lockstep; see `ReplicatedLogic` for what such a logic may do. */
  replicated<Logic extends AnyActorLogic>(
    name: string,
    logic: Logic,
    options?: ReplicatedOptions<Logic>,
  ): Ref<EventFromLogic<Logic>, SnapshotFrom<Logic>>;
  /**
   * Starts consensus, joins, and takes shards. Resolves once the cluster has this node as a member; it waits as long
   * as there is no quorum.
   * @throws TuttiError `TUTTI_SHARDS_MISMATCH`, `TUTTI_MEMBER_SUPERSEDED`, `TUTTI_DECLARATION_MISMATCH`,
   * `TUTTI_LEASE_MISMATCH`, `TUTTI_CLUSTER_LEVEL`
   */
  start(): Promise<void>;
  /**
   * Hands its shards over and takes none again. Resolves when it owns none and what it has passed on for others is
   * answered, or `drainMs` is over. Idempotent.
   */
  drain(): Promise<void>;
  /**
   * Adds a task to a phase of the stop: `unbind`, before anything else; `hand-over`, `stop-actors`, `leave` or `close`, each
   * before the node's own work of that phase. Tasks of one phase run side by side and have `phaseMs`; one that fails or
   * takes longer is logged, and the stop goes on. Returns the function that takes it back.
   */
  onStop(phase: ShutdownPhase, name: string, task: ShutdownTask): () => void;
  /**
   * Drains, stops the actors, and tells the others that this life has left: {@link stop} as far as the phase `leave`.
   * Consensus goes on: this node is still one of those who agree, until they let it go. Idempotent.
   */
  leave(options?: StopOptions): Promise<void>;
  /** Drains, leaves, and stops the actors and consensus, phase by phase. Idempotent. */
  stop(options?: StopOptions): Promise<void>;
  status(): ClusterSystemStatus;
}
