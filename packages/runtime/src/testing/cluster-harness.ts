import { type Consensus, MemoryLogStore, Replica } from '@tutti/consensus';
import {
  type Clock,
  clusterId,
  incarnation,
  jsonCodec,
  type Logger,
  mustBePlain,
  type NodeId,
  nodeId,
  randomIds,
  runVirtual,
  seededRandom,
  type ValueCodec,
  VirtualClock,
} from '@tutti/kernel';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import { CLUSTER_LEVEL } from '../cluster/cluster-level.ts';
import type { ClusterSystem } from '../cluster/cluster-system.ts';
import { createClusterSystem } from '../cluster/create-cluster-system.ts';
import { SHARD_MAP, type ShardCommand } from '../sharding/shard-map.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import { createActorSystem } from '../system/create-actor-system.ts';
import { AgreedLog } from './agreed-log.ts';
import { FaultyHost } from './faulty-host.ts';
import { MemoryNetwork, type MemoryTransport } from './memory-network.ts';

/** Refuses what the codec that ships refuses. */
const codec: ValueCodec = {
  ...jsonCodec,
  encode(value) {
    mustBePlain(value);
    return jsonCodec.encode(value);
  },
};

/** One life of one node in the harness. */
export interface HarnessNode {
  readonly nodeId: NodeId;
  readonly host: FaultyHost;
  readonly transport: MemoryTransport;
  readonly consensus: Consensus;
  readonly system: ActorSystem;
  readonly cluster: ClusterSystem;
  /** How its start went. */
  readonly started: Promise<void>;
  evicted: boolean;
}

/** Declares what a node has, before it starts. */
export type Declare = (cluster: ClusterSystem, node: NodeId) => void;

/** In what one life differs from the others. */
export interface BootOptions {
  /** What it declares instead. */
  readonly declare?: Declare;
  /** It is of the version before: of wire format 1, and with modules of level 1. */
  readonly previous?: boolean;
  /** What its modules can apply; default all that this code can. */
  readonly level?: number;
  readonly logger?: Logger;
}

/** How the nodes agree: through a list that all of them read, or through replicas that speak Raft. */
export type Agreement = 'oracle' | 'raft';

/** A cluster of actors in one process, on virtual time, from one seed. */
export class ClusterHarness {
  readonly clock = new VirtualClock();
  readonly random;
  readonly network: MemoryNetwork;
  readonly voters: readonly NodeId[];
  /** Undefined when the nodes agree by Raft. */
  readonly #log: AgreedLog | undefined;
  readonly #stores = new Map<NodeId, { readonly store: MemoryLogStore; host: FaultyHost }>();
  readonly nodes = new Map<NodeId, HarnessNode>();
  readonly #declare: Declare;
  readonly #config: Partial<ClusterConfig>;
  #lives = 0;

  constructor(
    names: readonly string[],
    declare: Declare,
    config: Partial<ClusterConfig> = {},
    seed = 1,
    agreement: Agreement = 'oracle',
  ) {
    this.random = seededRandom(seed);
    this.network = new MemoryNetwork(this.clock, this.random.fork('network'));
    this.voters = names.map(nodeId);
    this.#log = agreement === 'oracle' ? new AgreedLog(this.network, this.voters) : undefined;
    this.#declare = declare;
    this.#config = { shards: 32, ...config };
  }

  /** Starts a node, or the next life of one; it joins as time goes on. */
  boot(name: string, config: Partial<ClusterConfig> = {}, options: BootOptions = {}): HarnessNode {
    const { declare = this.#declare, previous = false, level = previous ? 1 : CLUSTER_LEVEL } = options;
    const id = nodeId(name);
    const host = new FaultyHost(this.clock);
    const life = incarnation(++this.#lives);
    if (previous) this.network.wireVersions.set(id, 1);
    else this.network.wireVersions.delete(id);
    const transport = this.network.attach({ nodeId: id, incarnation: life }, host);
    const random = this.random.fork(`${name}/${life}`);
    const consensus = this.#log?.port(id, host) ?? this.#replica(transport, host);
    const ids = randomIds(random);
    const system = createActorSystem({ nodeId: id, incarnation: life, clock: host, random, ids });
    const cluster = createClusterSystem({
      system,
      consensus,
      transport,
      clock: host,
      random,
      ids,
      config: { ...this.#config, ...config },
      level,
      ...(options.logger && { logger: options.logger }),
      onEvicted: () => {
        node.evicted = true;
      },
    });
    declare(cluster, id);
    void transport.open();
    const started = cluster.start();
    started.catch(() => {});
    const node: HarnessNode = {
      nodeId: id,
      host,
      transport,
      consensus,
      system,
      cluster,
      started,
      evicted: false,
    };
    this.nodes.set(id, node);
    return node;
  }

  /** What the oracle's list holds; only without Raft. */
  get log(): AgreedLog {
    return this.#log!;
  }

  /** The owner of a shard as the list tells it, as long as nobody has been given up. */
  ownerOf(shard: number): NodeId | undefined {
    let owner: NodeId | undefined;
    let target: NodeId | undefined;
    for (const { module, command } of this.log.entries) {
      if (module !== SHARD_MAP) continue;
      const said = JSON.parse(command) as ShardCommand;
      if (said.type === 'configure') continue;
      const changed = said.type === 'released' ? said.shards : said.moves;
      if (!changed.some((each) => each.shard === shard)) continue;
      if (said.type === 'released') owner = target;
      else if (said.type === 'assign') owner = said.moves.find((each) => each.shard === shard)!.nodeId;
      else target = said.moves.find((each) => each.shard === shard)!.nodeId;
    }
    return owner;
  }

  /** A node that believes to lead. */
  get leader(): NodeId | undefined {
    return this.living().find(({ consensus }) => consensus.status().role === 'leader')?.nodeId;
  }

  #replica(transport: MemoryTransport, host: FaultyHost): Replica {
    const { nodeId: id, incarnation: life } = transport.self;
    const kept = this.#stores.get(id) ?? { store: new MemoryLogStore(this.#storeClock(id)), host };
    kept.host = host;
    this.#stores.set(id, kept);
    return new Replica({
      clusterId: clusterId('harness'),
      nodeId: id,
      incarnation: life,
      voters: this.voters,
      clock: host,
      random: this.random.fork(`replica ${id}/${life}`),
      transport,
      store: kept.store,
      codec,
    });
  }

  /** A store outlives its node's lives; its completions come to the present one. */
  #storeClock(id: NodeId): Clock {
    const host = () => this.#stores.get(id)!.host;
    return {
      now: () => this.clock.now(),
      wallTime: () => this.clock.wallTime(),
      setTimer: (delayMs, action) => host().setTimer(delayMs, action),
      clearTimer: (timer) => host().clearTimer(timer),
      nextTurn: (action) => host().nextTurn(action),
    };
  }

  /** Boots all nodes and waits until every shard has its owner. */
  async start(): Promise<void> {
    for (const name of this.voters) this.boot(name);
    await this.untilBalanced();
  }

  node(name: string): HarnessNode {
    return this.nodes.get(nodeId(name))!;
  }

  crash(name: string): void {
    this.node(name).host.crash();
    this.#stores.get(nodeId(name))?.store.close(() => {});
    this.network.crashed(nodeId(name));
  }

  pause(name: string): void {
    this.node(name).host.pause();
  }

  resume(name: string): void {
    this.node(name).host.resume();
  }

  /** Cuts some nodes off from the rest. */
  partition(names: readonly string[], how: 'reset' | 'silent' = 'reset'): void {
    for (const a of this.voters)
      for (const b of this.voters)
        if (a < b && names.includes(a) !== names.includes(b)) this.network.cut(a, b, how);
  }

  /** Nodes that run and have not been given up. */
  living(): HarnessNode[] {
    return [...this.nodes.values()].filter(({ host, evicted }) => host.isRunning && !evicted);
  }

  /** Every living node is up and sees all shards owned by living nodes, none moving. */
  isBalanced(): boolean {
    const living = this.living();
    return living.every(({ cluster }) => {
      const { shards, moving, members } = cluster.status();
      const owners = Object.keys(shards).sort().join();
      const lives = (list: readonly { nodeId: NodeId; incarnation: number }[]) =>
        list
          .map(({ nodeId: node, incarnation: life }) => `${node}/${life}`)
          .sort()
          .join();
      const up = members.filter(({ state }) => state === 'up');
      return (
        moving === 0 &&
        lives(up) === lives(living.map(({ system }) => system)) &&
        owners ===
          living
            .map((node) => node.nodeId)
            .sort()
            .join()
      );
    });
  }

  /** Lets time go on until something holds. @throws Error when it does not within the limit */
  async until(condition: () => boolean, limitMs = 10_000): Promise<void> {
    await runVirtual(this.clock, condition, limitMs);
    if (!condition()) throw new Error(`not reached within ${limitMs} ms`);
  }

  /** Lets this much time pass. */
  async pass(durationMs: number): Promise<void> {
    const end = this.clock.now() + durationMs;
    this.clock.setTimer(durationMs, () => {});
    await runVirtual(this.clock, () => this.clock.now() >= end);
  }

  /** Lets time go on until the members and the shard map are as they should be; looks every 20 ms. */
  async untilBalanced(limitMs = 30_000): Promise<void> {
    for (const end = this.clock.now() + limitMs; !this.isBalanced(); ) {
      if (this.clock.now() > end) throw new Error(`not balanced within ${limitMs} ms`);
      await this.pass(20);
    }
  }

  /** Waits for a promise while time goes on. */
  async settle<T>(promise: Promise<T>, limitMs = 30_000): Promise<T> {
    let over = false;
    const end = () => {
      over = true;
    };
    promise.then(end, end);
    await this.until(() => over, limitMs);
    return promise;
  }
}
