import type { NodeClock } from '@tutti/consensus/sim';
import type {
  Channel,
  Lane,
  LinkListener,
  MessageHandler,
  NodeId,
  PeerAddress,
  PeerIdentity,
  SendOutcome,
  Transport,
  TransportCounters,
  WireValue,
} from '@tutti/kernel';

/** Told of every message as its receiver handles it. */
export type Delivered = (from: NodeId, to: NodeId, channel: Channel, message: WireValue) => void;

/**
 * One life's links: what arrives goes through the node's clock, so that a node that is paused hears it when it goes
 * on, and a dead one never does.
 */
export class GatedTransport implements Transport {
  readonly #inner: Transport;
  readonly #clock: NodeClock;
  readonly #delivered: Delivered;

  constructor(inner: Transport, clock: NodeClock, delivered: Delivered) {
    this.#inner = inner;
    this.#clock = clock;
    this.#delivered = delivered;
  }

  get self(): PeerIdentity {
    return this.#inner.self;
  }

  get messageBytesMax(): number | undefined {
    return this.#inner.messageBytesMax;
  }

  open(): Promise<void> {
    return this.#inner.open();
  }

  addPeer(peer: PeerAddress): void {
    this.#inner.addPeer(peer);
  }

  removePeer(nodeId: NodeId): void {
    this.#inner.removePeer(nodeId);
  }

  send(to: NodeId, channel: Channel, message: WireValue, lane?: Lane): SendOutcome {
    return this.#inner.send(to, channel, message, lane);
  }

  onMessage(channel: Channel, handler: MessageHandler): void {
    this.#inner.onMessage(channel, (from, message) =>
      this.#clock.run(() => {
        this.#delivered(from.nodeId, this.self.nodeId, channel, message);
        handler(from, message);
      }),
    );
  }

  onLink(listener: LinkListener): void {
    this.#inner.onLink({
      linkUp: (peer) => this.#clock.run(() => listener.linkUp(peer)),
      linkDown: (peer, reason) => this.#clock.run(() => listener.linkDown(peer, reason)),
    });
  }

  wireVersion(peer: NodeId): number | undefined {
    return this.#inner.wireVersion?.(peer);
  }

  linked(): readonly PeerIdentity[] {
    return this.#inner.linked();
  }

  counters(): TransportCounters {
    return this.#inner.counters();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
