import type { Consensus } from '@tutti/consensus';
import { type Clock, type Logger, silentLogger, type Transport } from '@tutti/kernel';
import { AskTable } from '../actor/ask.ts';
import type { Address, Ref } from '../actor/ref.ts';
import { Awakener } from '../sharding/awakener.ts';
import { Coordinator } from '../sharding/coordinator.ts';
import { type DeclaredKind, EntityHost } from '../sharding/entity-host.ts';
import { EntityRefs } from '../sharding/entity-refs.ts';
import { EntityStates } from '../sharding/entity-states.ts';
import { EntityStore } from '../sharding/entity-store.ts';
import { Region } from '../sharding/region.ts';
import { ShardMap } from '../sharding/shard-map.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import { type ClusterConfig, clusterConfig } from './cluster-config.ts';
import type { ClusterSystemOptions } from './cluster-system.ts';
import { Courier } from './courier.ts';
import { MembersView } from './members-view.ts';
import { type Life, Membership } from './membership.ts';
import { ObservedActors } from './observed-actors.ts';
import { Prober } from './prober.ts';
import { QuorumLease } from './quorum-lease.ts';
import { ClusterReceptionist } from './receptionist.ts';
import { RemoteObservers } from './remote-observers.ts';
import { RemoteRefs } from './remote-refs.ts';
import { ReplicatedRefs } from './replicated-refs.ts';
import { Topics } from './topics.ts';

/** What nearly every part of a node needs. */
export interface ClusterCore {
  readonly self: Life;
  readonly system: ActorSystem;
  readonly consensus: Consensus;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: ClusterConfig;
  readonly membership: Membership;
  readonly shards: ShardMap;
  readonly states: EntityStates;
  readonly members: MembersView;
  readonly kinds: Map<string, DeclaredKind>;
  readonly asks: AskTable;
  readonly courier: Courier;
  readonly makeRef: (address: Address) => Ref;
}

/** A node's parts, joined. Nothing of it runs yet. */
export interface ClusterParts extends ClusterCore {
  readonly lease: QuorumLease;
  readonly host: EntityHost;
  readonly region: Region;
  readonly awakener: Awakener;
  readonly replicated: ReplicatedRefs;
  readonly prober: Prober;
  readonly coordinator: Coordinator;
  readonly topics: Topics;
  readonly receptionist: ClusterReceptionist;
}

/** Makes the parts of one node and joins them to its actor system, transport and consensus. */
export function joinParts(options: ClusterSystemOptions): ClusterParts {
  const core = makeCore(options);
  const { observers, ...meeting } = observeOthers(core);
  const placed = placeEntities(core, observers);
  routeParcels(core, placed.region);
  const replicated = new ReplicatedRefs({ ...core, deadLetters: core.system.deadLetters });
  core.system.addResolver(replicated);
  return { ...core, ...placed, ...meeting, replicated, ...watchNodes(core) };
}

function makeCore({
  system,
  consensus,
  transport,
  clock,
  logger = silentLogger,
  config: given,
}: ClusterSystemOptions) {
  const config = clusterConfig(given);
  const membership = new Membership();
  const shards = new ShardMap(membership);
  const states = new EntityStates(shards, () => membership.level);
  // The order matters: a module reads only those registered before it, so a restored state is never half there.
  for (const module of [membership, shards, states]) consensus.register(module);
  const core: ClusterCore = {
    self: { nodeId: system.nodeId, incarnation: system.incarnation },
    system,
    consensus,
    transport,
    clock,
    logger,
    config,
    membership,
    shards,
    states,
    members: new MembersView(membership, consensus, logger),
    kinds: new Map(),
    asks: new AskTable(clock, system.deadLetters, config.remoteTableMax, () => system.askDeadline),
    courier: new Courier({
      system,
      transport,
      clock,
      logger,
      asksMax: config.remoteTableMax,
      isLost: (life) => membership.isLost(life),
    }),
    makeRef: (address) => system.ref(address),
  };
  return core;
}

/** Watches and subscriptions in both directions, refs to the actors of other nodes, and how to find and call many. */
function observeOthers(
  core: ClusterCore,
): Pick<ClusterParts, 'topics' | 'receptionist'> & { observers: RemoteObservers } {
  const { remoteTableMax: limit, subscribeIntervalMs } = core.config;
  const observers = new RemoteObservers({ ...core, limit });
  const observed = new ObservedActors({ ...core, limit, subscribeIntervalMs });
  const topics = new Topics(core);
  const receptionist = new ClusterReceptionist(core);
  core.courier.onSignal((from, message) => {
    if (message.t === 'ended' || message.t === 'snapshot') observers.receive(from, message);
    else if (message.t === 'publish') topics.receive(from, message);
    else if (message.t === 'listed' || message.t === 'listing') receptionist.receive(from, message);
    else observed.receive(from, message);
  });
  core.system.addResolver(new RemoteRefs({ ...core, observers }));
  core.system.addResolver(topics);
  return { observers, topics, receptionist };
}

function placeEntities(
  core: ClusterCore,
  observers: RemoteObservers,
): Pick<ClusterParts, 'lease' | 'host' | 'region' | 'awakener'> {
  const { leaseMs, leaseRenewMs: renewMs, shards } = core.config;
  const lease = new QuorumLease({ ...core, leaseMs, renewMs, isNeeded: () => host.size > 0 });
  const store = new EntityStore({ ...core, shards });
  const host: EntityHost = new EntityHost({
    ...core,
    store,
    lease,
    onStarted: (shard, name) => awakener.awoke(shard, name),
    onEnded: (...ended) => region.activationEnded(...ended),
  });
  const awakener: Awakener = new Awakener({
    ...core,
    perSecond: core.config.startsPerSecond,
    isRemembered: (kind) => core.kinds.get(kind)?.options.remember === true,
    start: (name) => region.start(name),
  });
  const region: Region = new Region({ ...core, host, awakener });
  core.system.addResolver(new EntityRefs({ ...core, region, host, observers, selfNode: core.self.nodeId }));
  return { lease, host, region, awakener };
}

function routeParcels({ courier, system }: ClusterCore, region: Region): void {
  courier.onParcel((parcel) => {
    if (parcel.address.startsWith('local:')) system.deliver(parcel.address, parcel.event, parcel.target);
    else region.route(parcel);
  });
}

function watchNodes(core: ClusterCore): Pick<ClusterParts, 'prober' | 'coordinator'> {
  const prober = new Prober({
    ...core,
    onSuspicion: (node, suspected) => coordinator.suspicionChanged(node, suspected),
  });
  const coordinator: Coordinator = new Coordinator({ ...core, suspected: () => prober.suspected() });
  return { prober, coordinator };
}
