import {
  assert,
  CHANNEL,
  type Channel,
  type Clock,
  incarnation,
  type Lane,
  type LinkListener,
  type MessageHandler,
  type NodeId,
  type PeerIdentity,
  type SendOutcome,
  type Transport,
  type TransportCounters,
  type WireValue,
} from '@tutti/kernel';

/** A network on a clock: every message takes `latencyMs`, unless its pair of nodes is cut or a rule drops it. */
export class VirtualNetwork {
  readonly clock: Clock;
  readonly latencyMs: number;
  readonly #ports = new Map<NodeId, VirtualTransport>();
  readonly #cut = new Set<string>();
  /** Says which messages are lost. */
  drops: (from: NodeId, to: NodeId, message: WireValue) => boolean = () => false;
  /** Says which links are full, by lane. */
  isFull: (from: NodeId, to: NodeId, lane: Lane) => boolean = () => false;

  constructor(clock: Clock, latencyMs = 1) {
    this.clock = clock;
    this.latencyMs = latencyMs;
  }

  /** The end of a new life of this node; an earlier one hears nothing any more. */
  attach(nodeId: NodeId): VirtualTransport {
    const port = new VirtualTransport(this, nodeId);
    this.#ports.set(nodeId, port);
    return port;
  }

  detach(nodeId: NodeId): void {
    this.#ports.delete(nodeId);
  }

  cut(a: NodeId, b: NodeId): void {
    this.#cut.add(`${a}|${b}`).add(`${b}|${a}`);
  }

  /** Cuts one node off from all others. */
  isolate(nodeId: NodeId): void {
    for (const other of this.#ports.keys()) if (other !== nodeId) this.cut(nodeId, other);
  }

  heal(): void {
    this.#cut.clear();
    for (const port of this.#ports.values())
      for (const other of this.#ports.keys()) if (other !== port.self.nodeId) port.linkUp(other);
  }

  /** Delivers a message once more, as late as the test likes, to whoever lives there now. */
  repeat(from: NodeId, to: NodeId, message: WireValue): void {
    const self = { nodeId: from, incarnation: incarnation(1) };
    this.#ports.get(to)?.deliver(self, CHANNEL.consensus, structuredClone(message));
  }

  linkedTo(port: VirtualTransport): PeerIdentity[] {
    const from = port.self.nodeId;
    const others = [...this.#ports.values()].filter((other) => other !== port);
    return others.map(({ self }) => self).filter(({ nodeId }) => !this.#cut.has(`${from}|${nodeId}`));
  }

  carry(from: VirtualTransport, to: NodeId, channel: Channel, message: WireValue, lane: Lane): SendOutcome {
    const target = this.#ports.get(to);
    if (!target || this.#cut.has(`${from.self.nodeId}|${to}`)) return 'no-link';
    if (this.isFull(from.self.nodeId, to, lane)) return 'full';
    if (this.drops(from.self.nodeId, to, message)) return 'queued';
    const copy = structuredClone(message);
    this.clock.setTimer(this.latencyMs, () => {
      if (this.#ports.get(to) === target && this.#ports.get(from.self.nodeId) === from)
        target.deliver(from.self, channel, copy);
    });
    return 'queued';
  }
}

/** One node's end of a {@link VirtualNetwork}. */
export class VirtualTransport implements Transport {
  readonly self: PeerIdentity;
  readonly #network: VirtualNetwork;
  readonly #handlers = new Map<Channel, MessageHandler>();
  readonly #listeners: LinkListener[] = [];

  constructor(network: VirtualNetwork, nodeId: NodeId) {
    this.self = { nodeId, incarnation: incarnation(1) };
    this.#network = network;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  addPeer(): void {}
  removePeer(): void {}

  send(to: NodeId, channel: Channel, message: WireValue, lane: Lane = 'control'): SendOutcome {
    return this.#network.carry(this, to, channel, message, lane);
  }

  onMessage(channel: Channel, handler: MessageHandler): void {
    assert(!this.#handlers.has(channel), `channel ${channel} has one handler`);
    this.#handlers.set(channel, handler);
  }

  onLink(listener: LinkListener): void {
    this.#listeners.push(listener);
  }

  deliver(from: PeerIdentity, channel: Channel, message: WireValue): void {
    this.#handlers.get(channel)?.(from, message);
  }

  linkUp(nodeId: NodeId): void {
    for (const listener of this.#listeners) listener.linkUp({ nodeId, incarnation: incarnation(1) });
  }

  linked(): readonly PeerIdentity[] {
    return this.#network.linkedTo(this);
  }

  counters(): TransportCounters {
    return {
      messagesSent: 0,
      messagesReceived: 0,
      framesSent: 0,
      framesReceived: 0,
      bytesSent: 0,
      bytesReceived: 0,
      messagesRefused: 0,
      rejected: {},
    };
  }

  close(): Promise<void> {
    this.#network.detach(this.self.nodeId);
    return Promise.resolve();
  }
}
