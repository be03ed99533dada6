import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import {
  functionWorker,
  type Orchestration,
  simulatedWorker,
  type Worker,
  type WorkFunction,
} from '@tutti/actors';
import { type Consensus, MemoryLogStore, Replica, VolatileConsensus } from '@tutti/consensus';
import { createFileLogStore, makePrivateDirectory } from '@tutti/consensus/file';
import {
  type Logger,
  messageOf,
  type NodeId,
  nodeId,
  type PeerAddress,
  type Random,
  silentLogger,
  systemClock,
  systemRandom,
  type Transport,
  TuttiError,
} from '@tutti/kernel';
import {
  type ActorLimits,
  actorLimits,
  type ClusterConfig,
  type ClusterSystem,
  type ClusterSystemStatus,
  clusterConfig,
  createRouter,
  type Escalation,
  type Members,
  type Receptionist,
  type Ref,
  type RouterOptions,
  type StopOptions,
  type ThreadOptions,
} from '@tutti/runtime';
import { type KeyPair, msgpackCodec } from '@tutti/transport';
import { createMemoryNetwork } from '@tutti/transport/memory';
import { createWsTransport, type WsTransport } from '@tutti/transport/ws';
import { nodeThreads } from '../threads/node-threads.ts';
import { moduleWorker } from '../workers/module-worker.ts';
import { shellWorker } from '../workers/shell-worker.ts';
import { type AssembledNode, assembleNode } from './assemble-node.ts';
import { GroupPeers } from './group-peers.ts';
import { logFolderOf, type NodeIdentity, openIdentity, volatileIdentity } from './identity.ts';
import { groupOf, type NodeGroup } from './node-group.ts';
import { stopNodePolicy } from './stop-node-policy.ts';
import { votersOf } from './voters-of.ts';
import { makeWritableFolder } from './writable-folder.ts';

/** How to make a node. With nothing given it is a cluster of one that keeps nothing and listens nowhere. */
export interface NodeOptions {
  /** The node's name in its cluster; default `n1`. */
  readonly name?: string;
  /** The cluster's name; default `tutti`. Nodes of another cluster are turned away. */
  readonly cluster?: string;
  /**
   * For a node that is to join a cluster which was recovered or restored: its lineage, as `tutti cluster status` shows
   * it. A node that was recovered or restored itself has it in its directory. Default none.
   */
  readonly lineage?: string;
  /**
   * Where the node keeps its log, snapshots and key. Without it nothing survives the process: a node of several that
   * comes back under the same name has forgotten what it voted for and acknowledged, so replace none of them then.
   */
  readonly dataDir?: string;
  /**
   * `true` where it is known that this node ran before, from elsewhere than its directory: should that be empty, or its
   * log be gone, the node is repaired from its peers before it takes part. A directory that is there knows by itself;
   * one that was deleted as a whole looks like that of a node which never voted. Default false.
   */
  readonly hadLog?: boolean;
  /**
   * The node's Ed25519 keys; by default those kept in {@link dataDir}, made on the first start. Give them to say in
   * advance what the other nodes have to know as this one's public key.
   */
  readonly keys?: KeyPair;
  /** Where to accept other nodes; default host 127.0.0.1, port 0 for any free one. Without it, no socket is opened. */
  readonly listen?: { readonly host?: string; readonly port: number };
  /** The other nodes, or a function that finds them once this one listens. Needs {@link listen}. */
  readonly peers?: readonly PeerAddress[] | ((self: PeerAddress) => Promise<readonly PeerAddress[]>);
  /**
   * Names of the nodes that vote, this one among them; by default this one and {@link peers}, when those are a list.
   * Equal on every node. They are those who vote when the group begins; from then on its log says who does.
   */
  readonly voters?: readonly string[];
  /**
   * `true` for a node that is to join a group which is there, and for as long as it is in it: it begins no group of its
   * own, and its `start` waits until `node.group.addLearner` has been called at a member, with {@link contactOf} its
   * address. Needs {@link listen}, and among {@link peers} the members that were there at the beginning. Default false.
   */
  readonly joins?: boolean;
  /** Labels for placement; default none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Between two heartbeats of a leader; default 50 ms. */
  readonly heartbeatMs?: number;
  /** The least silence before an election; default 300 ms, and rounded to whole heartbeats. */
  readonly electionTimeoutMs?: number;
  /** Applied entries between two snapshots; default 10,000. */
  readonly snapshotEntries?: number;
  /**
   * What tunes membership, sharding and the stop, such as `silenceMs`, `weight` and `drainMs`; each number has a default,
   * and is explained at {@link ClusterConfig}. `shards` must be equal on every node and stay what it was at the beginning;
   * one node's `leaseMs` must not outlast another's `takeoverWaitMs`.
   */
  readonly clusterConfig?: Partial<ClusterConfig>;
  /** How many actors and asks this node may have, and how long they may keep its event loop; each has a default. */
  readonly limits?: ActorLimits;
  /** Functions that plans may use by name. */
  readonly functions?: Readonly<Record<string, WorkFunction>>;
  /** `false` makes a node that takes part in no plans; default true. */
  readonly orchestration?: boolean;
  /**
   * Threads for actors of `threaded(...)` logic, each begun when it is first needed; see `docs/reference/threads.md`.
   * `size`: at most so many, by default one less than the processors that this process may use, and at least 1.
   */
  readonly threads?: Partial<Omit<ThreadOptions, 'threads'>>;
  readonly logger?: Logger;
  /** Where the node's admin interface listens, told to the other nodes. */
  readonly adminUrl?: string;
  /** Told of every failure that no supervisor took care of; it is logged in any case. */
  readonly onEscalation?: (escalation: Escalation) => void;
  /**
   * What becomes of an actor whose failures reach the node's guardian: it is gone (`stop-actor`, the default), it is
   * started again when the window of its intensity is over (`restart-actor`), or the whole node hands its work over and
   * stops (`stop-node`), and then tells {@link onFatal} `TUTTI_ACTOR_FAILED`. Entities are among those actors.
   */
  readonly guardian?: 'stop-actor' | 'restart-actor' | 'stop-node';
  /**
   * The node cannot go on: its disk failed; or it has stopped itself, because the cluster has given it up
   * (`TUTTI_NODE_EVICTED`: it stood still or was cut off for too long), or for its guardian. Nothing starts it again: end
   * the process here, so that whoever watches it does, or make the node anew.
   */
  readonly onFatal?: (failure: Error) => void;
}

/** One node of a cluster, embedded in this process. Register entities and replicated parts, then {@link start}. */
export interface TuttiNode {
  readonly id: string;
  /** The name of its cluster. */
  readonly cluster: string;
  /** What tells its cluster from earlier ones of that name, once it was recovered or restored. */
  readonly lineage: string | undefined;
  readonly incarnation: number;
  /** What the other nodes must know this one by. */
  readonly publicKey: string;
  readonly spawn: ClusterSystem['system']['spawn'];
  readonly entity: ClusterSystem['entity'];
  readonly replicated: ClusterSystem['replicated'];
  readonly ref: ClusterSystem['ref'];
  readonly members: Members;
  /** Adds a task to a phase of {@link stop}; see `docs/reference/cluster.md`. */
  readonly onStop: ClusterSystem['onStop'];
  /** A topic of the whole cluster: publish to it, subscribe actors to it. */
  readonly topic: ClusterSystem['topic'];
  /** Finds actors of the whole cluster by what they are for. */
  readonly receptionist: Receptionist;
  /** Starts a router: an actor that hands each event on to one or more others. */
  router(options: RouterOptions): Ref;
  /** A channel to an actor that loses nothing and keeps its order. */
  readonly reliable: ClusterSystem['system']['reliable'];
  /** Plans and their tasks. @throws TuttiError `TUTTI_ORCHESTRATION_OFF` */
  readonly orchestration: Orchestration;
  /**
   * Its Raft group: status and stage times, transfer of leadership, snapshots, changes of who belongs to it.
   * @throws TuttiError `TUTTI_GROUP_OF_ONE` for a node without `dataDir` that is alone
   */
  readonly group: NodeGroup;
  /** Where other nodes reach this one, once it has started; undefined for a node that does not listen. */
  readonly address: PeerAddress | undefined;
  /** The layers underneath, for tools. */
  readonly parts: AssembledNode;
  /** Keeps links to these nodes as well from now on: to one that is about to join, before it is a member. */
  meet(peers: readonly PeerAddress[]): void;
  /** Opens the log, joins the cluster, and resolves when this node is a member. */
  start(): Promise<void>;
  /** Hands its work over, leaves, and closes everything. Idempotent. */
  stop(options?: StopOptions): Promise<void>;
  status(): ClusterSystemStatus;
}

const HOST_DEFAULT = '127.0.0.1';
const HEARTBEAT_MS_DEFAULT = 50;
const ELECTION_TIMEOUT_MS_DEFAULT = 300;
/** The largest command of the log, and so the largest plan: some 30,000 tasks. */
const COMMAND_BYTES_MAX = 8 * 2 ** 20;
/** A command travels in one frame, with little beside it. */
const FRAME_BYTES_MAX = COMMAND_BYTES_MAX + 2 ** 20;

/**
 * Makes a node; nothing runs until its `start`.
 * @throws TuttiError `TUTTI_ID_INVALID`, `TUTTI_NODE_NEEDS_LISTEN`, `TUTTI_CONFIG_INVALID`, `TUTTI_STORE_WRONG_CLUSTER`,
 * `TUTTI_STORE_WRONG_NODE`, `TUTTI_STORE_FULL`, `TUTTI_FOLDER_UNWRITABLE`, `TUTTI_RECOVERY_UNFINISHED`,
 * `TUTTI_OPTION_INVALID`; and from `start` `TUTTI_PORT_IN_USE`, `TUTTI_STORE_*`
 */
export function createNode(options: NodeOptions = {}): TuttiNode {
  const { name = 'n1', cluster = 'tutti', logger = silentLogger } = options;
  if ((options.peers || options.joins) && !options.listen)
    throw new TuttiError('TUTTI_NODE_NEEDS_LISTEN', { node: nodeId(name) });
  const voters = votersOf(name, options);
  // Looked at here as well, since what follows writes to the disk.
  clusterConfig(options.clusterConfig);
  actorLimits(options.limits);
  const directory = options.dataDir === undefined ? undefined : resolve(options.dataDir);
  const { keys, lineage, hadLog } = options;
  const owner = { cluster, node: name, keys, lineage, hadLog };
  const identity =
    directory === undefined
      ? volatileIdentity(owner, systemClock.wallTime())
      : openIdentity(directory, owner);
  const random = systemRandom();
  const transport = makeTransport(identity, options, logger, random);
  const peers = new GroupPeers(transport, systemClock, logger);
  const stopFor = stopNodePolicy({ stop: () => node.stop(), logger, onFatal: options.onFatal });
  const parts = assembleNode(
    {
      nodeId: identity.nodeId,
      incarnation: identity.incarnation,
      ...(options.labels ? { labels: options.labels } : {}),
      ...(options.adminUrl ? { adminUrl: options.adminUrl } : {}),
      ...(options.clusterConfig ? { clusterConfig: options.clusterConfig } : {}),
      ...(options.limits ? { limits: options.limits } : {}),
      ...(options.orchestration === false ? {} : { workers: makeWorkers(options, directory) }),
      ...(options.guardian === 'restart-actor' ? { guardian: options.guardian } : {}),
      onEscalation: (escalation) => {
        if (options.guardian === 'stop-node') stopFor(failureOf(escalation));
        options.onEscalation?.(escalation);
      },
      onEvicted: () => stopFor(new TuttiError('TUTTI_NODE_EVICTED', { node: identity.nodeId })),
    },
    {
      clock: systemClock,
      random,
      logger,
      transport,
      consensus: makeConsensus(identity, options, voters, directory, { transport, peers, logger, random }),
      threads: { size: Math.max(1, availableParallelism() - 1), ...options.threads, threads: nodeThreads },
    },
  );
  const node = new EmbeddedNode(options, identity, transport, peers, parts);
  return node;
}

function failureOf({ address, error }: Escalation): TuttiError {
  return new TuttiError('TUTTI_ACTOR_FAILED', { address, problem: messageOf(error) }, { cause: error });
}

function makeTransport(
  identity: NodeIdentity,
  options: NodeOptions,
  logger: Logger,
  random: Random,
): Transport | WsTransport {
  const self = { nodeId: identity.nodeId, incarnation: identity.incarnation };
  const limits = { frameBytesMax: FRAME_BYTES_MAX };
  if (!options.listen) return createMemoryNetwork({ clock: systemClock }).transport({ ...self, limits });
  return createWsTransport({
    clusterId: identity.clusterId,
    self,
    keys: identity.keys,
    listen: { host: options.listen.host ?? HOST_DEFAULT, port: options.listen.port },
    clock: systemClock,
    random: random.fork('transport'),
    logger,
    limits,
  });
}

interface ConsensusPorts {
  readonly transport: Transport;
  readonly peers: GroupPeers;
  readonly logger: Logger;
  readonly random: Random;
}

function makeConsensus(
  identity: NodeIdentity,
  options: NodeOptions,
  voters: readonly NodeId[],
  directory: string | undefined,
  { transport, peers, logger, random }: ConsensusPorts,
): Consensus {
  if (directory === undefined && voters.length === 1)
    return new VolatileConsensus(identity.nodeId, systemClock, logger);
  const tickMs = options.heartbeatMs ?? HEARTBEAT_MS_DEFAULT;
  const electionTicks = Math.max(
    2,
    Math.round((options.electionTimeoutMs ?? ELECTION_TIMEOUT_MS_DEFAULT) / tickMs),
  );
  return new Replica({
    clusterId: identity.clusterId,
    nodeId: identity.nodeId,
    incarnation: identity.incarnation,
    voters,
    clock: systemClock,
    random: random.fork('consensus'),
    logger,
    transport,
    store:
      directory === undefined
        ? new MemoryLogStore(systemClock)
        : createFileLogStore({
            directory: makeWritableFolder(logFolderOf(directory), makePrivateDirectory),
            clusterId: identity.cluster,
            nodeId: identity.nodeId,
            beginning: identity.beginning,
            logger,
          }),
    codec: msgpackCodec,
    config: {
      tickMs,
      electionTicks,
      commandBytesMax: COMMAND_BYTES_MAX,
      ...(options.snapshotEntries === undefined ? {} : { snapshotEntries: options.snapshotEntries }),
    },
    onMembership: (membership) => peers.follow(membership),
    onFailStop: (failure) => options.onFatal?.(failure),
  });
}

function makeWorkers(options: NodeOptions, directory: string | undefined): Worker[] {
  return [
    functionWorker(options.functions ?? {}),
    moduleWorker(),
    shellWorker(directory === undefined ? {} : { notes: join(directory, 'workers') }),
    simulatedWorker(systemClock),
  ];
}

class EmbeddedNode implements TuttiNode {
  readonly id: string;
  readonly cluster: string;
  readonly lineage: string | undefined;
  readonly incarnation: number;
  readonly publicKey: string;
  readonly spawn: TuttiNode['spawn'];
  readonly entity: TuttiNode['entity'];
  readonly replicated: TuttiNode['replicated'];
  readonly ref: TuttiNode['ref'];
  readonly members: Members;
  readonly onStop: TuttiNode['onStop'];
  readonly topic: TuttiNode['topic'];
  readonly receptionist: Receptionist;
  readonly reliable: TuttiNode['reliable'];
  readonly parts: AssembledNode;
  readonly #options: NodeOptions;
  readonly #identity: NodeIdentity;
  readonly #transport: Transport | WsTransport;
  readonly #peers: GroupPeers;
  #address: PeerAddress | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    options: NodeOptions,
    identity: NodeIdentity,
    transport: Transport | WsTransport,
    peers: GroupPeers,
    parts: AssembledNode,
  ) {
    const { system, cluster } = parts;
    this.id = identity.nodeId;
    this.cluster = identity.cluster;
    this.lineage = identity.lineage;
    this.incarnation = identity.incarnation;
    this.publicKey = identity.keys.publicKey;
    this.parts = parts;
    this.spawn = system.spawn.bind(system);
    this.entity = cluster.entity.bind(cluster);
    this.replicated = cluster.replicated.bind(cluster);
    this.ref = cluster.ref.bind(cluster);
    this.members = cluster.members;
    this.onStop = cluster.onStop.bind(cluster);
    this.topic = cluster.topic.bind(cluster);
    this.receptionist = cluster.receptionist;
    this.reliable = system.reliable.bind(system);
    this.#options = options;
    this.#identity = identity;
    this.#transport = transport;
    this.#peers = peers;
  }

  get address(): PeerAddress | undefined {
    return this.#address;
  }

  get orchestration(): Orchestration {
    const { orchestration } = this.parts;
    if (!orchestration) throw new TuttiError('TUTTI_ORCHESTRATION_OFF', { node: this.id });
    return orchestration;
  }

  router(options: RouterOptions): Ref {
    return createRouter(this.parts.system, options);
  }

  get group(): NodeGroup {
    return groupOf(this.id, this.parts.consensus);
  }

  async start(): Promise<void> {
    await this.#transport.open();
    const { peers, listen } = this.#options;
    if (listen && 'address' in this.#transport)
      this.#address = {
        nodeId: this.#identity.nodeId,
        url: this.#transport.address(),
        publicKey: this.#identity.keys.publicKey,
      };
    const others = typeof peers === 'function' ? await peers(this.#address!) : (peers ?? []);
    this.#peers.give(others);
    await this.parts.start();
  }

  meet(peers: readonly PeerAddress[]): void {
    this.#peers.give(peers);
  }

  stop(options?: StopOptions): Promise<void> {
    this.#stopped ??= this.parts.stop(options).finally(() => this.#peers.close());
    return this.#stopped;
  }

  status(): ClusterSystemStatus {
    return this.parts.cluster.status();
  }
}
