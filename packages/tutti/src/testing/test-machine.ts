import { Replica, type ReplicaConfig } from '@tutti/consensus';
import { type Ending, NodeClock, type NodeDisk, type OpenStore } from '@tutti/consensus/sim';
import {
  type Clock,
  clusterId,
  incarnation,
  type Logger,
  messageOf,
  type NodeId,
  type Random,
  type VirtualClock,
} from '@tutti/kernel';
import type { ClusterConfig, Escalation, ThreadOptions } from '@tutti/runtime';
import { msgpackCodec } from '@tutti/transport';
import type { MemoryNetwork } from '@tutti/transport/memory';
import { type AssembledNode, assembleNode } from '../node/assemble-node.ts';
import { type Delivered, GatedTransport } from './gated-transport.ts';
import { TestThreads } from './test-threads.ts';
import type { ThreadModules } from './thread-modules.ts';
import { apart } from './virtual-globals.ts';

/** What a machine tells the world about itself. */
export interface MachineListener {
  /** Something is about to happen on this clock: what user code asks the process for is this node's. */
  touched(machine: TestMachine, clock: Clock): void;
  note(what: string, who: string, more?: string): void;
  delivered: Delivered;
  /** It cannot go on. */
  failed(machine: TestMachine, failure: Error): void;
  evicted(machine: TestMachine): void;
}

/** A disk that holds the log of one replica. */
export interface TestDisk extends NodeDisk {
  open(life: Parameters<NodeDisk['open']>[0]): OpenStore;
}

/** Everything a machine is made of. */
export interface MachineParts {
  readonly id: NodeId;
  readonly voters: readonly NodeId[];
  readonly world: VirtualClock;
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly disk: TestDisk;
  readonly diskLatencyMeanMs: number;
  readonly clock: { readonly skewMs: number; readonly drift: number };
  readonly cluster: Partial<ClusterConfig>;
  readonly consensus: ReplicaConfig;
  readonly threads: Omit<ThreadOptions, 'threads'>;
  readonly modules: ThreadModules;
  /** Declares what the node has; called in every life, before it starts. */
  readonly setup: (machine: TestMachine, life: Life) => void;
  readonly listener: MachineListener;
}

/** One process of a machine, from its start to its crash. */
export interface Life {
  readonly incarnation: number;
  readonly clock: NodeClock;
  readonly node: AssembledNode;
  readonly replica: Replica;
  readonly store: OpenStore;
  readonly threads: TestThreads;
  /** Does something as this process: now, when it goes on, or never. Whoever calls stays who he is. */
  readonly enter: (action: () => void) => void;
  /** Does something outside of it, in an event of its own. */
  readonly leave: (action: () => void) => void;
  /** Those who must hear that it is gone. */
  readonly onDeath: Set<(why: string) => void>;
  /** Whether the cluster has it as a member. */
  joined: boolean;
  /** Whether the others gave it up. */
  evicted: boolean;
}

const CLUSTER = clusterId('test');

/** One machine: a disk that lasts, and a process on it that comes and goes. The process is the real node, assembled. */
export class TestMachine {
  readonly id: NodeId;
  readonly #parts: MachineParts;
  #lives = 0;
  #life: Life | undefined;

  constructor(parts: MachineParts) {
    this.id = parts.id;
    this.#parts = parts;
  }

  /** The process that runs now. */
  get life(): Life | undefined {
    return this.#life;
  }

  get disk(): TestDisk {
    return this.#parts.disk;
  }

  /** Starts the next process. */
  boot(): void {
    const { id, world, random, network, listener, voters } = this.#parts;
    const self = { nodeId: id, incarnation: incarnation(++this.#lives) };
    const chance = random.fork(`life ${this.#lives}`);
    const clock = this.#makeClock(chance);
    const store = this.#parts.disk.open({
      clock,
      world,
      random: chance.fork('disk'),
      latencyMeanMs: this.#parts.diskLatencyMeanMs,
    });
    const links = network.transport(self);
    for (const peer of voters) links.addPeer(network.address(peer));
    const transport = new GatedTransport(links, clock, listener.delivered);
    const logger = this.#logger();
    const replica = new Replica({
      clusterId: CLUSTER,
      ...self,
      voters,
      clock,
      random: chance.fork('replica'),
      transport,
      store: store.store,
      codec: msgpackCodec,
      config: this.#parts.consensus,
      onFailStop: (failure) => listener.failed(this, failure),
    });
    const chanceOfNode = chance.fork('node');
    const threads = new TestThreads(clock, chance.fork('threads'), this.#parts.modules, (what, digest) =>
      listener.note(what, id, digest),
    );
    const node = assembleNode(
      {
        ...self,
        clusterConfig: this.#parts.cluster,
        onEvicted: () => {
          life.evicted = true;
          listener.evicted(this);
        },
        onEscalation: ({ address, error }: Escalation) =>
          listener.note('escalation', id, `${address}: ${messageOf(error)}`),
      },
      {
        clock,
        random: chanceOfNode,
        logger,
        transport,
        consensus: replica,
        threads: { ...this.#parts.threads, threads },
      },
    );
    const life: Life = {
      incarnation: self.incarnation,
      clock,
      node,
      replica,
      store,
      threads,
      enter: (action) => apart(() => clock.run(action)),
      leave: (action) => void world.setTimer(0, action),
      onDeath: new Set(),
      joined: false,
      evicted: false,
    };
    this.#life = life;
    listener.note('start', id, `life ${this.#lives}`);
    life.enter(() => {
      this.#parts.setup(this, life);
      void transport.open();
      node.start().then(
        () => {
          life.joined = true;
          listener.note('joined', id);
        },
        (thrown: unknown) => listener.note('could not start', id, messageOf(thrown)),
      );
    });
  }

  #makeClock(chance: Random): NodeClock {
    const { world, listener } = this.#parts;
    const { skewMs, drift } = this.#parts.clock;
    const draw = chance.fork('clock');
    const fault = {
      skewMs: Math.round((2 * draw.float() - 1) * skewMs),
      rate: 1 + (2 * draw.float() - 1) * drift,
    };
    const clock: NodeClock = new NodeClock(world, fault, () => listener.touched(this, clock));
    return clock;
  }

  /** What a node would log stands in the trace. */
  #logger(): Logger {
    const { id, listener } = this.#parts;
    const say = (fields: object, message: string) =>
      listener.note('log', id, `${message} ${inWords(fields)}`);
    return { debug() {}, info: say, warn: say, error: say };
  }

  /** The process ends between two instructions: only the disk is left, or what of it was flushed. */
  crash(ending: Ending = 'power'): void {
    const life = this.#life;
    if (!life) return;
    this.#life = undefined;
    this.#parts.network.crash(this.id);
    life.replica.crash();
    life.store.end(ending);
    life.clock.kill();
    for (const tell of life.onDeath) tell('its process ended');
    life.onDeath.clear();
  }

  /** Stops as a process does that is asked to: hands over, leaves, and ends. Undefined when nothing runs. */
  stop(): Promise<void> | undefined {
    const life = this.#life;
    if (!life) return undefined;
    return new Promise((resolve, reject) => {
      const over = (): void => life.leave(resolve);
      life.onDeath.add(over);
      life.enter(() => {
        life.node.stop().then(
          () => {
            if (this.#life === life) this.crash('process');
          },
          (thrown: Error) => life.leave(() => reject(thrown)),
        );
      });
    });
  }
}

/** Without the stack, which names files and lines. */
function inWords(fields: object): string {
  return JSON.stringify(fields, (key, value: unknown) => (key === 'stack' ? undefined : value)) ?? '';
}
