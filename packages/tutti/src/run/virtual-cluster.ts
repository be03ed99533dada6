import { simulatedWorker, type TaskBoard } from '@tutti/actors';
import { MemoryLogStore, Replica } from '@tutti/consensus';
import {
  clusterId,
  incarnation,
  type NodeId,
  nodeId,
  type Random,
  type Transport,
  VirtualClock,
} from '@tutti/kernel';
import { type ClusterConfig, clusterConfig } from '@tutti/runtime';
import { msgpackCodec } from '@tutti/transport';
import { createMemoryNetwork } from '@tutti/transport/memory';
import { type AssembledNode, assembleNode } from '../node/assemble-node.ts';

/** A node of a virtual cluster. */
export interface VirtualNode {
  readonly id: NodeId;
  readonly replica: Replica;
  readonly transport: Transport;
  readonly parts: AssembledNode;
  alive: boolean;
}

/**
 * The same nodes as real ones, in one process: memory for sockets and disks, and a clock that jumps from one timer to
 * the next. A day of work takes as long as its bookkeeping, and the same seed gives the same run.
 */
export class VirtualCluster {
  readonly clock = new VirtualClock();
  readonly nodes: readonly VirtualNode[];
  readonly #network;

  /**
   * @param pace Stretches every timer of the cluster's own (heartbeats, elections, probes, leases) by this factor,
   * from 1 up, so that the quiet hours of a long plan cost little.
   */
  constructor(size: number, random: Random, pace = 1) {
    this.#network = createMemoryNetwork({ clock: this.clock, random: random.fork('network') });
    const ids = Array.from({ length: size }, (_, index) => nodeId(`n${index + 1}`));
    this.nodes = ids.map((id) => this.#makeNode(id, ids, random.fork(id), pace));
  }

  #makeNode(id: NodeId, voters: readonly NodeId[], random: Random, pace: number): VirtualNode {
    const clock = this.clock;
    const life = incarnation(1);
    const transport = this.#network.transport({ nodeId: id, incarnation: life });
    for (const peer of voters) if (peer !== id) transport.addPeer(this.#network.address(peer));
    const replica = new Replica({
      clusterId: clusterId('virtual'),
      nodeId: id,
      incarnation: life,
      voters,
      clock,
      random: random.fork('consensus'),
      transport,
      store: new MemoryLogStore(clock),
      codec: msgpackCodec,
      config: {
        tickMs: 50 * pace,
        timeoutMs: 10_000 * pace,
        noLeaderMs: 3_000 * pace,
        resendMs: 1_000 * pace,
      },
    });
    const parts = assembleNode(
      { nodeId: id, incarnation: life, workers: [simulatedWorker(clock)], clusterConfig: pacedCluster(pace) },
      { clock, random, transport, consensus: replica },
    );
    return { id, replica, transport, parts, alive: true };
  }

  /** Opens the links and starts every node; time must be moved for it to end. */
  async start(): Promise<void> {
    await Promise.all(
      this.nodes.map(async (node) => {
        await node.transport.open();
        await node.parts.start();
      }),
    );
  }

  /** Takes a node away as kill -9 would: nothing of it runs, and its links break. */
  kill(id: NodeId): void {
    const node = this.nodes.find((candidate) => candidate.id === id)!;
    node.alive = false;
    this.#network.crash(id);
    node.replica.crash();
    // What is left of it must not act: its actors are dropped, and nobody hears them in the meantime.
    void node.parts.system.stop();
  }

  alive(): VirtualNode[] {
    return this.nodes.filter((node) => node.alive);
  }

  leader(): VirtualNode | undefined {
    const leading = this.alive().filter(({ replica }) => replica.status().role === 'leader');
    return leading.sort((a, b) => b.replica.status().term - a.replica.status().term)[0];
  }

  /** The task board of the node that has applied the most. */
  board(): TaskBoard {
    const applied = (node: VirtualNode) => node.replica.status().appliedIndex;
    const furthest = this.alive().reduce((best, node) => (applied(node) > applied(best) ? node : best));
    return furthest.parts.orchestration!.board.module;
  }
}

/** The cluster's own times, stretched; what is a count stays as it is. */
function pacedCluster(pace: number): Partial<ClusterConfig> {
  const scaled = Object.entries(clusterConfig()).map(([key, value]) => [
    key,
    key.endsWith('Ms') ? value * pace : value,
  ]);
  return Object.fromEntries(scaled) as Partial<ClusterConfig>;
}
