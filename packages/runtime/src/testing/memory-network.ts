import {
  CHANNEL,
  type Channel,
  type Clock,
  type Lane,
  type LinkListener,
  type MessageHandler,
  mustBePlain,
  type NodeId,
  type PeerIdentity,
  type Random,
  type SendOutcome,
  type Transport,
  type TransportCounters,
  type WireValue,
} from '@tutti/kernel';
import type { FaultyHost } from './faulty-host.ts';

/** How long a link takes to come up again once nothing stands in its way, in milliseconds. */
const REDIAL_MS = 20;
const DELAY_MS_MAX = 4;
/** What a node speaks unless something else is said of it. */
const WIRE_VERSION = 2;

type Cut = 'reset' | 'silent';

/** What a link does to the actors' messages beyond what a transport may: each is a probability. */
export interface Chaos {
  readonly loss: number;
  readonly duplication: number;
  /** Of being overtaken, by what is sent within 30 ms. */
  readonly reordering: number;
}

const OVERTAKEN_MS_MAX = 30;

const pairKey = (a: NodeId, b: NodeId) => (a < b ? `${a} ${b}` : `${b} ${a}`);

/**
 * Links between the nodes of a cluster in one process: in order per pair and lane, at most once, with delays from a
 * seed. A link can be cut with a reset, which both ends notice, or silently, which nobody does.
 */
export class MemoryNetwork {
  readonly clock: Clock;
  readonly random: Random;
  readonly ends = new Map<NodeId, MemoryTransport>();
  /** Wire versions of nodes that do not speak the present one. */
  readonly wireVersions = new Map<NodeId, number>();
  /** Sees every message between nodes as it is sent. */
  onSent: (from: NodeId, to: NodeId, channel: Channel, message: WireValue) => void = () => {};
  chaos: Chaos | undefined;
  readonly #cuts = new Map<string, Cut>();
  readonly #muted = new Set<string>();

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  /** Plugs a new life of a node in. */
  attach(self: PeerIdentity, host: FaultyHost): MemoryTransport {
    const end = new MemoryTransport(self, host, this);
    this.ends.set(self.nodeId, end);
    return end;
  }

  cut(a: NodeId, b: NodeId, how: Cut = 'reset'): void {
    this.#cuts.set(pairKey(a, b), how);
    if (how === 'silent') return;
    this.ends.get(a)?.dropLink(b, 'reset');
    this.ends.get(b)?.dropLink(a, 'reset');
  }

  /** From now on nothing that one sends reaches the other, and neither notices; the other way works. */
  mute(from: NodeId, to: NodeId): void {
    this.#muted.add(`${from} ${to}`);
  }

  heal(a: NodeId, b: NodeId): void {
    this.#cuts.delete(pairKey(a, b));
    this.redial();
  }

  healAll(): void {
    this.#cuts.clear();
    this.#muted.clear();
    this.redial();
  }

  /** Whether a message sent now would arrive, pauses aside. */
  reaches(a: NodeId, b: NodeId): boolean {
    return !this.#cuts.has(pairKey(a, b)) && this.#isAlive(a) && this.#isAlive(b);
  }

  isMuted(from: NodeId, to: NodeId): boolean {
    return this.#muted.has(`${from} ${to}`);
  }

  /** A process is gone: every peer sees its links reset. */
  crashed(nodeId: NodeId): void {
    for (const end of this.ends.values()) end.dropLink(nodeId, 'reset');
  }

  redial(): void {
    this.clock.setTimer(REDIAL_MS, () => {
      for (const a of this.ends.values())
        for (const b of this.ends.values())
          if (a !== b && this.reaches(a.self.nodeId, b.self.nodeId)) a.bringUp(b.self);
    });
  }

  #isAlive(node: NodeId): boolean {
    const end = this.ends.get(node);
    return end !== undefined && end.isOpen && !end.host.isCrashed;
  }
}

export class MemoryTransport implements Transport {
  readonly self: PeerIdentity;
  readonly host: FaultyHost;
  isOpen = false;
  readonly #network: MemoryNetwork;
  readonly #handlers = new Map<Channel, MessageHandler>();
  readonly #listeners: LinkListener[] = [];
  readonly #links = new Map<NodeId, PeerIdentity>();
  readonly #lastArrival = new Map<string, number>();
  messagesSent = 0;

  constructor(self: PeerIdentity, host: FaultyHost, network: MemoryNetwork) {
    this.self = self;
    this.host = host;
    this.#network = network;
  }

  open(): Promise<void> {
    this.isOpen = true;
    this.#network.redial();
    return Promise.resolve();
  }

  addPeer(): void {}

  removePeer(): void {}

  send(to: NodeId, channel: Channel, message: WireValue, lane: Lane = 'bulk'): SendOutcome {
    if (to !== this.self.nodeId && !this.#links.has(to)) return 'no-link';
    // What MessagePack makes of it: refused where it is not plain, and a copy that keeps bytes as bytes.
    mustBePlain(message);
    const encoded: unknown = structuredClone(message);
    this.messagesSent++;
    this.#network.onSent(this.self.nodeId, to, channel, encoded);
    const { chaos, random } = this.#network;
    if (!chaos || channel !== CHANNEL.actors) this.#carry(to, channel, encoded, lane, false);
    else if (!random.chance(chaos.loss)) {
      for (let copies = random.chance(chaos.duplication) ? 2 : 1; copies > 0; copies--)
        this.#carry(to, channel, encoded, lane, random.chance(chaos.reordering));
    }
    return 'queued';
  }

  #carry(to: NodeId, channel: Channel, encoded: unknown, lane: Lane, isLate: boolean): void {
    const { clock, random } = this.#network;
    const key = `${to} ${lane}`;
    let at = Math.max(clock.now() + random.integer(0, DELAY_MS_MAX), this.#lastArrival.get(key) ?? 0);
    if (isLate) at += random.integer(1, OVERTAKEN_MS_MAX);
    else this.#lastArrival.set(key, at);
    const life = this.#links.get(to)?.incarnation;
    clock.setTimer(at - clock.now(), () => {
      const end = to === this.self.nodeId ? this : this.#network.ends.get(to);
      if (this.#network.isMuted(this.self.nodeId, to)) return;
      if (
        !end ||
        (end !== this && (!this.#network.reaches(this.self.nodeId, to) || end.self.incarnation !== life))
      )
        return;
      end.host.nextTurn(() => end.#handlers.get(channel)?.(this.self, structuredClone(encoded)));
    });
  }

  onMessage(channel: Channel, handler: MessageHandler): void {
    this.#handlers.set(channel, handler);
  }

  onLink(listener: LinkListener): void {
    this.#listeners.push(listener);
    for (const peer of this.#links.values()) listener.linkUp(peer);
  }

  wireVersion(peer: NodeId): number | undefined {
    const { wireVersions } = this.#network;
    const of = (node: NodeId) => wireVersions.get(node) ?? WIRE_VERSION;
    return this.#links.has(peer) ? Math.min(of(peer), of(this.self.nodeId)) : undefined;
  }

  linked(): readonly PeerIdentity[] {
    return [...this.#links.values()];
  }

  counters(): TransportCounters {
    return {
      messagesSent: this.messagesSent,
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
    this.isOpen = false;
    this.#network.crashed(this.self.nodeId);
    return Promise.resolve();
  }

  bringUp(peer: PeerIdentity): void {
    const known = this.#links.get(peer.nodeId);
    if (known?.incarnation === peer.incarnation) return;
    this.#links.set(peer.nodeId, peer);
    this.host.nextTurn(() => {
      for (const listener of this.#listeners) listener.linkUp(peer);
    });
  }

  dropLink(nodeId: NodeId, reason: string): void {
    const peer = this.#links.get(nodeId);
    if (!peer) return;
    this.#links.delete(nodeId);
    this.host.nextTurn(() => {
      for (const listener of this.#listeners) listener.linkDown(peer, reason);
    });
  }
}
