import { createOrchestration, type Orchestration, type Worker } from '@tutti/actors';
import type { Consensus } from '@tutti/consensus';
import {
  type Clock,
  type Incarnation,
  type Logger,
  type NodeId,
  type Random,
  randomIds,
  silentLogger,
  type Transport,
} from '@tutti/kernel';
import {
  type ActorLimits,
  type ActorSystem,
  type ClusterConfig,
  type ClusterSystem,
  createActorSystem,
  createClusterSystem,
  type Escalation,
  type GuardianPolicy,
  type StopOptions,
  type ThreadOptions,
} from '@tutti/runtime';

/** The doors to the outside world that one node is given: real ones, or a simulator's. */
export interface NodePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  /** Opened before the node starts and closed after it stopped, by the node. */
  readonly transport: Transport;
  /** Not started. */
  readonly consensus: Consensus;
  /** Threads for actors that compute or block; with none they are refused. */
  readonly threads?: ThreadOptions;
}

/** What a node is, apart from its ports. */
export interface NodeParts {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly labels?: Readonly<Record<string, string>>;
  readonly adminUrl?: string;
  readonly clusterConfig?: Partial<ClusterConfig>;
  readonly limits?: ActorLimits;
  /** Workers for orchestration; with none the node takes part in no plans. */
  readonly workers?: readonly Worker[];
  readonly onEvicted?: () => void;
  readonly onEscalation?: (escalation: Escalation) => void;
  readonly guardian?: GuardianPolicy;
}

/** The layers of one node, joined. */
export interface AssembledNode {
  readonly system: ActorSystem;
  readonly cluster: ClusterSystem;
  readonly consensus: Consensus;
  readonly orchestration: Orchestration | undefined;
  start(): Promise<void>;
  /** Gives its work away and has no actors any more; it is still one of those who agree. Idempotent. */
  leave(options?: StopOptions): Promise<void>;
  stop(options?: StopOptions): Promise<void>;
}

/**
 * Joins the layers over the ports: this is the whole wiring of Tutti, and it holds no logic. A process gives it
 * sockets, a disk and the machine's clock; a simulation gives it memory and virtual time.
 */
export function assembleNode(parts: NodeParts, ports: NodePorts): AssembledNode {
  const { nodeId, incarnation } = parts;
  const { clock, random, transport, consensus } = ports;
  const logger = ports.logger ?? silentLogger;
  const ids = randomIds(random.fork('ids'));
  const system = createActorSystem({
    nodeId,
    incarnation,
    clock,
    random: random.fork('actors'),
    ids,
    logger,
    ...(parts.limits ? { limits: parts.limits } : {}),
    ...(parts.onEscalation ? { onEscalation: parts.onEscalation } : {}),
    ...(parts.guardian ? { guardian: parts.guardian } : {}),
    ...(ports.threads ? { threads: ports.threads } : {}),
  });
  const cluster = createClusterSystem({
    system,
    consensus,
    transport,
    clock,
    random: random.fork('cluster'),
    ids,
    logger,
    ...(parts.labels ? { labels: parts.labels } : {}),
    ...(parts.adminUrl ? { adminUrl: parts.adminUrl } : {}),
    ...(parts.clusterConfig ? { config: parts.clusterConfig } : {}),
    ...(parts.onEvicted ? { onEvicted: parts.onEvicted } : {}),
  });
  const orchestration = parts.workers
    ? createOrchestration({
        cluster,
        workers: parts.workers,
        clock,
        random: random.fork('work'),
        ids,
        logger,
        hasLeader: () => consensus.status().leader !== undefined,
      })
    : undefined;
  let left: Promise<void> | undefined;
  const leave = async (options?: StopOptions) => {
    await orchestration?.stop();
    await cluster.leave(options);
  };
  return {
    system,
    cluster,
    consensus,
    orchestration,
    async start() {
      await cluster.start();
      await orchestration?.start();
    },
    leave: (options) => (left ??= leave(options)),
    async stop(options) {
      await (left ??= leave(options));
      await cluster.stop(options);
      await transport.close();
    },
  };
}
