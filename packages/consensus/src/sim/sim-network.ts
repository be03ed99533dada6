import {
  assert,
  type Channel,
  type Incarnation,
  type Lane,
  type LinkListener,
  type MessageHandler,
  type NodeId,
  type PeerIdentity,
  type Random,
  type SendOutcome,
  type Transport,
  type TransportCounters,
  type VirtualClock,
  type WireValue,
} from '@tutti/kernel';
import type { NodeClock } from './node-clock.ts';
import type { Trace } from './trace.ts';

/** How bad the network is. Times in milliseconds, chances per message from 0 to 1. */
export interface NetworkFaults {
  readonly delayMinMs: number;
  /** Mean of the exponential part of the delay. */
  readonly delayMeanMs: number;
  /** Chance that the delay is `tailFactor` times as long. */
  readonly tailChance: number;
  readonly tailFactor: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
}

/** Messages that a clogged link holds in the lane for bulk; it takes no more, and says so. */
const HELD_MAX = 4;

const link = (from: NodeId, to: NodeId): string => `${from}>${to}`;
/** The same from both sides. */
const pair = (one: NodeId, other: NodeId): string => (one < other ? link(one, other) : link(other, one));

/**
 * The wires between the nodes. Within a lane of a link order is kept, as the Transport port promises, except for
 * duplicates, which come whenever they like; the lanes overtake each other.
 */
export class SimNetwork {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #trace: Trace;
  #faults: NetworkFaults;
  readonly #joined = new Map<NodeId, SimTransport>();
  readonly #cut = new Set<string>();
  readonly #cloggedUntil = new Map<string, number>();
  /** Bulk messages that a clogged link has taken since. */
  readonly #held = new Map<string, number>();
  /** The ends, as from>to, that know their link to be down though both nodes live. */
  readonly #down = new Set<string>();
  /** How often a link has broken; what was on its way then is lost. */
  readonly #breaks = new Map<string, number>();
  /** When the last message of a link and lane arrives: a later one may not come earlier. */
  readonly #arrivals = new Map<string, number>();
  delivered = 0;
  /** Told of every message that arrived, by the number of its kind on the wire. */
  onDelivered: (from: NodeId, to: NodeId, kind: number) => void = () => {};
  /** Told of every message that something befell. */
  onStruck: (what: string) => void = () => {};

  constructor(clock: VirtualClock, random: Random, faults: NetworkFaults, trace: Trace) {
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
    this.#trace = trace;
  }

  get faults(): NetworkFaults {
    return this.#faults;
  }

  join(nodeId: NodeId, incarnation: Incarnation, clock: NodeClock): SimTransport {
    const transport = new SimTransport({ nodeId, incarnation }, clock, this);
    const others = [...this.#joined.values()];
    this.#joined.set(nodeId, transport);
    for (const { self } of others) this.#forgetBreak(self.nodeId, nodeId);
    this.#clock.setTimer(this.#delay(), () => {
      if (this.#joined.get(nodeId) !== transport) return;
      for (const other of others) {
        if (this.#joined.get(other.self.nodeId) !== other || this.#isDown(nodeId, other.self.nodeId))
          continue;
        other.linkUp(transport.self);
        transport.linkUp(other.self);
      }
    });
    return transport;
  }

  leave(nodeId: NodeId): void {
    const gone = this.#joined.get(nodeId);
    if (!gone) return;
    this.#joined.delete(nodeId);
    for (const other of this.#joined.values()) this.#tellDown(other, gone.self, 'the other end is gone');
  }

  linkedTo(nodeId: NodeId): readonly PeerIdentity[] {
    const others = [...this.#joined.values()].map((other) => other.self);
    return others.filter((self) => self.nodeId !== nodeId && !this.#down.has(link(nodeId, self.nodeId)));
  }

  /**
   * Breaks the connection of two nodes that live: what is on its way is lost, and nothing can be sent before it is there
   * again, after `downMs`. One end knows at once, the other after `unnoticedMs`, which is shorter.
   */
  flap(one: NodeId, other: NodeId, downMs: number, unnoticedMs: number): void {
    const [first, second] = [this.#joined.get(one), this.#joined.get(other)];
    if (!first || !second || this.#isDown(one, other)) return;
    const stillLive = (): boolean => this.#joined.get(one) === first && this.#joined.get(other) === second;
    const name = pair(one, other);
    this.#breaks.set(name, (this.#breaks.get(name) ?? 0) + 1);
    const told = 'the connection broke';
    this.#tellDown(first, second.self, told);
    this.#clock.setTimer(unnoticedMs, () => {
      if (stillLive()) this.#tellDown(second, first.self, told);
    });
    this.#clock.setTimer(downMs, () => {
      if (!stillLive()) return;
      this.#forgetBreak(one, other);
      first.linkUp(second.self);
      second.linkUp(first.self);
    });
  }

  #isDown(one: NodeId, other: NodeId): boolean {
    return this.#down.has(link(one, other)) || this.#down.has(link(other, one));
  }

  #forgetBreak(one: NodeId, other: NodeId): void {
    this.#down.delete(link(one, other));
    this.#down.delete(link(other, one));
  }

  /** Once for each time that a link goes down. */
  #tellDown(end: SimTransport, peer: PeerIdentity, reason: string): void {
    const name = link(end.self.nodeId, peer.nodeId);
    if (this.#down.has(name)) return;
    this.#down.add(name);
    end.linkDown(peer, reason);
  }

  /** Drops what goes from one node to the other from now on, in these lanes; the other way stays open. */
  cut(from: NodeId, to: NodeId, lanes: readonly Lane[] = ['control', 'bulk']): void {
    for (const lane of lanes) this.#cut.add(`${link(from, to)}/${lane}`);
  }

  /** Holds back what goes from one node to the other for a while; nothing is lost, and not much is taken. */
  clog(from: NodeId, to: NodeId, durationMs: number): void {
    this.#held.delete(link(from, to));
    this.#cloggedUntil.set(link(from, to), this.#clock.now() + durationMs);
  }

  /** Opens every link; faults by chance stay. */
  mend(): void {
    this.#cut.clear();
    this.#cloggedUntil.clear();
    this.#held.clear();
  }

  /** From now on nothing is lost, repeated or late. */
  becomeReliable(): void {
    this.mend();
    this.#faults = { ...this.#faults, lossChance: 0, duplicateChance: 0, tailChance: 0 };
  }

  transmit(from: PeerIdentity, to: NodeId, channel: Channel, message: WireValue, lane: Lane): SendOutcome {
    const target = this.#joined.get(to);
    const name = link(from.nodeId, to);
    if (!target || this.#down.has(name)) return 'no-link';
    if (lane === 'bulk' && this.#isFull(name)) return 'full';
    const { lossChance, duplicateChance } = this.#faults;
    const key = `${name}/${lane}`;
    if (this.#cut.has(key) || this.#isDown(from.nodeId, to)) return 'queued';
    if (this.#random.chance(lossChance)) {
      this.onStruck('lost message');
      return 'queued';
    }
    const at = Math.max(this.#arrivalMs(name), this.#arrivals.get(key) ?? 0);
    this.#arrivals.set(key, at);
    this.#deliverAt(at, key, from, target, channel, message);
    if (this.#random.chance(duplicateChance)) {
      this.onStruck('repeated message');
      this.#deliverAt(this.#arrivalMs(name), key, from, target, channel, message);
    }
    return 'queued';
  }

  /** Whether a link holds back as much as it takes; one message more counts otherwise. */
  #isFull(name: string): boolean {
    if ((this.#cloggedUntil.get(name) ?? 0) <= this.#clock.now()) return false;
    const held = (this.#held.get(name) ?? 0) + 1;
    this.#held.set(name, held);
    return held > HELD_MAX;
  }

  #arrivalMs(name: string): number {
    const clogged = this.#cloggedUntil.get(name) ?? 0;
    return Math.max(this.#clock.now() + this.#delay(), clogged);
  }

  #delay(): number {
    const { delayMinMs, delayMeanMs, tailChance, tailFactor } = this.#faults;
    const delay = delayMinMs + this.#random.exponential(delayMeanMs);
    if (!this.#random.chance(tailChance)) return delay;
    this.onStruck('late message');
    return delay * tailFactor;
  }

  #deliverAt(
    at: number,
    key: string,
    from: PeerIdentity,
    target: SimTransport,
    channel: Channel,
    message: WireValue,
  ): void {
    const name = pair(from.nodeId, target.self.nodeId);
    const breaks = this.#breaks.get(name);
    this.#clock.setTimer(at - this.#clock.now(), () => {
      // A message is for the life it was sent to; its sender may be gone meanwhile.
      if (this.#joined.get(target.self.nodeId) !== target) return;
      if (this.#cut.has(key) || this.#breaks.get(name) !== breaks) return;
      this.delivered++;
      const kind = kindOf(message);
      this.#trace.note(this.#clock.now(), 'deliver', from.nodeId, target.self.nodeId, kind);
      target.receive(from, channel, message);
      this.onDelivered(from.nodeId, target.self.nodeId, kind);
    });
  }
}

/** Messages between replicas are arrays that begin with their kind; those of groups, with the name of the first. */
function kindOf(message: WireValue): number {
  if (!Array.isArray(message)) return 0;
  const [first, inner] = message as WireValue[];
  return typeof first === 'string' ? kindOf(inner) : Number(first ?? 0);
}

/** One life's end of the simulated network. */
export class SimTransport implements Transport {
  readonly self: PeerIdentity;
  readonly #clock: NodeClock;
  readonly #network: SimNetwork;
  readonly #handlers = new Map<Channel, MessageHandler>();
  readonly #listeners: LinkListener[] = [];
  #sent = 0;
  #received = 0;
  #refused = 0;

  constructor(self: PeerIdentity, clock: NodeClock, network: SimNetwork) {
    this.self = self;
    this.#clock = clock;
    this.#network = network;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  addPeer(): void {}

  removePeer(): void {}

  send(to: NodeId, channel: Channel, message: WireValue, lane: Lane = 'bulk'): SendOutcome {
    const outcome = this.#network.transmit(this.self, to, channel, message, lane);
    if (outcome === 'queued') this.#sent++;
    else this.#refused++;
    return outcome;
  }

  onMessage(channel: Channel, handler: MessageHandler): void {
    assert(!this.#handlers.has(channel), `channel ${channel} has one handler`);
    this.#handlers.set(channel, handler);
  }

  onLink(listener: LinkListener): void {
    this.#listeners.push(listener);
    for (const peer of this.linked()) listener.linkUp(peer);
  }

  linked(): readonly PeerIdentity[] {
    return this.#network.linkedTo(this.self.nodeId);
  }

  linkUp(peer: PeerIdentity): void {
    this.#clock.run(() => {
      for (const listener of this.#listeners) listener.linkUp(peer);
    });
  }

  linkDown(peer: PeerIdentity, reason: string): void {
    this.#clock.run(() => {
      for (const listener of this.#listeners) listener.linkDown(peer, reason);
    });
  }

  receive(from: PeerIdentity, channel: Channel, message: WireValue): void {
    this.#received++;
    this.#clock.run(() => this.#handlers.get(channel)?.(from, message));
  }

  counters(): TransportCounters {
    return {
      messagesSent: this.#sent,
      messagesReceived: this.#received,
      framesSent: this.#sent,
      framesReceived: this.#received,
      bytesSent: 0,
      bytesReceived: 0,
      messagesRefused: this.#refused,
      rejected: {},
    };
  }

  close(): Promise<void> {
    this.#network.leave(this.self.nodeId);
    return Promise.resolve();
  }
}
