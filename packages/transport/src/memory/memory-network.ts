import {
  assert,
  type Clock,
  type ClusterId,
  clusterId,
  type Incarnation,
  type Logger,
  type NodeId,
  type PeerAddress,
  type Random,
  seededRandom,
  silentLogger,
  type TuttiError,
} from '@tutti/kernel';
import { type TransportLimits, transportLimits, WIRE_VERSIONS, type WireVersions } from '../codec/limits.ts';
import { judgeHello } from '../session/hello.ts';
import { MemoryPipe } from './memory-pipe.ts';
import { type MemoryFabric, MemoryTransport } from './memory-transport.ts';

/** How the links of a network in memory behave. */
export interface MemoryNetworkOptions {
  readonly clock: Clock;
  /** Draws latencies from their range; by default a generator of seed 0. */
  readonly random?: Random;
  /** How long a frame travels; default 0, which is a later turn. `delay` changes it for one direction. */
  readonly latencyMs?: number | LatencyRange;
  /** From conditions that allow a link to the link, also after one was lost; default 1. */
  readonly connectMs?: number;
  /** How long a cut lasts before both ends find their link dead; default 1,000. */
  readonly silenceMs?: number;
}

/** From the least to the most that a frame travels, in milliseconds, both included. */
export interface LatencyRange {
  readonly minMs: number;
  readonly maxMs: number;
}

/** One node of a {@link MemoryNetwork}. What is left out fits all others. */
export interface MemoryNodeOptions {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly clusterId?: ClusterId;
  /** By default the key that {@link MemoryNetwork.address} gives for this node. */
  readonly publicKey?: string;
  readonly wireVersions?: WireVersions;
  readonly limits?: Partial<TransportLimits>;
  readonly logger?: Logger;
}

interface MemoryLink {
  readonly nodes: readonly [MemoryTransport, MemoryTransport];
  /** `pipes[0]` leads from the first node to the second. */
  readonly pipes: readonly [MemoryPipe, MemoryPipe];
}

const pairKey = (a: NodeId, b: NodeId): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

/**
 * All links between the nodes of one process, with faults to order. On a virtual clock the same calls give the same
 * run. Messages go through the wire's encoding and bounds, so what works here is not refused by a socket.
 */
export class MemoryNetwork implements MemoryFabric {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #latency: number | LatencyRange;
  readonly #connectMs: number;
  readonly #silenceMs: number;
  readonly #nodes = new Map<NodeId, MemoryTransport>();
  readonly #links = new Map<string, MemoryLink>();
  readonly #attempts = new Set<string>();
  /** Directions that are cut, as `from>to`, and their delays, likewise. */
  readonly #cuts = new Set<string>();
  readonly #delays = new Map<string, number | LatencyRange>();

  constructor(options: MemoryNetworkOptions) {
    this.#clock = options.clock;
    this.#random = options.random ?? seededRandom(0);
    this.#latency = options.latencyMs ?? 0;
    this.#connectMs = options.connectMs ?? 1;
    this.#silenceMs = options.silenceMs ?? 1_000;
  }

  /** A transport of this network. An earlier life of the same node crashes if it still runs. */
  transport(node: MemoryNodeOptions): MemoryTransport {
    if (this.#nodes.get(node.nodeId)?.isOpen) this.crash(node.nodeId);
    const { nodeId, incarnation, wireVersions = WIRE_VERSIONS, logger = silentLogger } = node;
    const cluster = node.clusterId ?? clusterId('memory');
    const publicKey = node.publicKey ?? this.address(nodeId).publicKey;
    const transport = new MemoryTransport({
      hello: { clusterId: cluster, nodeId, incarnation, wireVersions, publicKey },
      clock: this.#clock,
      logger,
      limits: transportLimits(node.limits),
      fabric: this,
    });
    this.#nodes.set(nodeId, transport);
    return transport;
  }

  /** How peers name a node of this network. */
  address(nodeId: NodeId): PeerAddress {
    let publicKey = '';
    for (const letter of nodeId) publicKey += letter.charCodeAt(0).toString(16).padStart(2, '0');
    return { nodeId, url: `memory:${nodeId}`, publicKey: publicKey.padEnd(64, '0').slice(0, 64) };
  }

  /** Nothing passes from `a` to `b`, nor back unless `oneWay`. Links die of it after the silence has lasted. */
  cut(a: NodeId, b: NodeId, options: { readonly oneWay?: boolean } = {}): void {
    this.#cuts.add(`${a}>${b}`);
    if (!options.oneWay) this.#cuts.add(`${b}>${a}`);
    const link = this.#links.get(pairKey(a, b));
    if (link === undefined) return;
    this.#eachPipe(link, (pipe, isCut) => isCut && pipe.cut());
    this.#clock.setTimer(this.#silenceMs, () => {
      const isStill = this.#cuts.has(`${a}>${b}`) || this.#cuts.has(`${b}>${a}`);
      if (isStill && this.#links.get(pairKey(a, b)) === link) this.#dissolve(link, 'the peer is silent');
    });
  }

  /** Takes back every cut between the two, or all cuts there are. */
  heal(a?: NodeId, b?: NodeId): void {
    for (const cut of this.#cuts) {
      if (a === undefined || b === undefined || cut === `${a}>${b}` || cut === `${b}>${a}`)
        this.#cuts.delete(cut);
    }
    for (const link of this.#links.values()) this.#eachPipe(link, (pipe, isCut) => !isCut && pipe.heal());
    for (const node of this.#nodes.values()) this.changed(node);
  }

  /** Breaks the link of two nodes at once, as a reset connection does; they may link anew. */
  reset(a: NodeId, b: NodeId): void {
    const link = this.#links.get(pairKey(a, b));
    if (link) this.#dissolve(link, 'the connection was reset');
  }

  /** Frames from `a` to `b` travel this long from now on. */
  delay(a: NodeId, b: NodeId, latencyMs: number | LatencyRange): void {
    this.#delays.set(`${a}>${b}`, latencyMs);
  }

  /** Kills a node: nothing of it is heard any more, and its peers find their links broken in a later turn. */
  crash(nodeId: NodeId): void {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) return;
    node.crash();
    this.#nodes.delete(nodeId);
    for (const link of this.#links.values()) {
      if (!link.nodes.includes(node)) continue;
      link.pipes[link.nodes[0] === node ? 0 : 1].stop();
      const peer = link.nodes[link.nodes[0] === node ? 1 : 0];
      const isCut = this.#cuts.has(`${nodeId}>${peer.self.nodeId}`);
      const delayMs = isCut ? this.#silenceMs : this.#latencyMs(nodeId, peer.self.nodeId);
      this.#clock.setTimer(delayMs, () => this.#dissolve(link, 'the connection was reset'));
    }
  }

  changed(node: MemoryTransport): void {
    for (const other of this.#nodes.values()) if (other !== node) this.#attemptLater(node, other);
  }

  left(node: MemoryTransport, peer: NodeId): void {
    const link = this.#links.get(pairKey(node.self.nodeId, peer));
    if (link === undefined || !link.nodes.includes(node)) return;
    const side = link.nodes[0] === node ? 0 : 1;
    const lastAt = link.pipes[side].drain();
    link.pipes[1 - side]!.stop();
    // What was queued still arrives; then the peer sees the end of it.
    this.#clock.setTimer(lastAt - this.#clock.now(), () => this.#dissolve(link, 'the peer closed the link'));
  }

  #attemptLater(a: MemoryTransport, b: MemoryTransport): void {
    const key = pairKey(a.self.nodeId, b.self.nodeId);
    if (this.#attempts.has(key)) return;
    this.#attempts.add(key);
    this.#clock.setTimer(this.#connectMs, () => {
      this.#attempts.delete(key);
      this.#attempt(key);
    });
  }

  /** As with sockets, the node whose id sorts first dials, and the other judges it first. */
  #attempt(key: string): void {
    const [first, second] = key.split(' ') as [NodeId, NodeId];
    const dialler = this.#nodes.get(first);
    const acceptor = this.#nodes.get(second);
    const isPossible = dialler?.isOpen && acceptor?.isOpen && dialler.knows(second) && !this.#links.has(key);
    if (!isPossible || this.#cuts.has(`${first}>${second}`) || this.#cuts.has(`${second}>${first}`)) return;
    const heard = judgeHello(acceptor.hello, dialler.hello, acceptor.knowledgeOf(first));
    if (typeof heard !== 'number') return this.#refused(acceptor, dialler, heard);
    const answered = judgeHello(dialler.hello, acceptor.hello, dialler.knowledgeOf(second), second);
    if (typeof answered !== 'number') return this.#refused(dialler, acceptor, answered);
    this.#join(dialler, acceptor, heard);
  }

  #refused(by: MemoryTransport, other: MemoryTransport, error: TuttiError): void {
    by.refusals.note(error, other.self.nodeId, false);
    other.refusals.note(error, by.self.nodeId, true);
  }

  #join(first: MemoryTransport, second: MemoryTransport, wireVersion: number): void {
    const pipes = [this.#pipe(first, second, wireVersion), this.#pipe(second, first, wireVersion)] as const;
    const link: MemoryLink = { nodes: [first, second], pipes };
    this.#links.set(pairKey(first.self.nodeId, second.self.nodeId), link);
    second.endUp(first.self, pipes[1], wireVersion);
    // A listener of the first end may have closed it again already.
    if (second.linked().includes(first.self)) first.endUp(second.self, pipes[0], wireVersion);
  }

  #pipe(from: MemoryTransport, to: MemoryTransport, wireVersion: number): MemoryPipe {
    const [source, target] = [from.self.nodeId, to.self.nodeId];
    return new MemoryPipe({
      clock: this.#clock,
      limits: from.limits,
      wireVersion,
      latencyMs: () => this.#latencyMs(source, target),
      sent: (frame) => from.tally.sent(frame.bytes.length, frame.messages),
      arrived: (frame) => to.arrived(source, frame),
    });
  }

  #latencyMs(from: NodeId, to: NodeId): number {
    const latency = this.#delays.get(`${from}>${to}`) ?? this.#latency;
    if (typeof latency === 'number') return latency;
    assert(latency.minMs <= latency.maxMs, 'a latency range is in order');
    return latency.minMs + this.#random.float() * (latency.maxMs - latency.minMs);
  }

  #eachPipe(link: MemoryLink, visit: (pipe: MemoryPipe, isCut: boolean) => void): void {
    const [a, b] = [link.nodes[0].self.nodeId, link.nodes[1].self.nodeId];
    visit(link.pipes[0], this.#cuts.has(`${a}>${b}`));
    visit(link.pipes[1], this.#cuts.has(`${b}>${a}`));
  }

  /** Both ends go down, and the pair may link anew. */
  #dissolve(link: MemoryLink, reason: string): void {
    const [a, b] = link.nodes;
    const key = pairKey(a.self.nodeId, b.self.nodeId);
    if (this.#links.get(key) !== link) return;
    this.#links.delete(key);
    for (const pipe of link.pipes) pipe.stop();
    if (a.isOpen) a.endDown(b.self.nodeId, reason);
    if (b.isOpen) b.endDown(a.self.nodeId, reason);
    this.#attemptLater(a, b);
  }
}

/** A network in memory. @see MemoryNetwork */
export function createMemoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  return new MemoryNetwork(options);
}
