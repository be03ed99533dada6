import {
  assert,
  type Channel,
  type Clock,
  type ClusterId,
  type Incarnation,
  type Lane,
  type Logger,
  type NodeId,
  type PeerAddress,
  type PeerIdentity,
  type Random,
  type SendOutcome,
  type Transport,
  type WireValue,
} from '@tutti/kernel';
import type { KeyPair } from '../auth/key-pair.ts';
import { type TransportLimits, transportLimits, WIRE_VERSIONS, type WireVersions } from '../codec/limits.ts';
import type { Established } from '../session/handshake.ts';
import { TransportEnd } from '../session/transport-end.ts';
import { Acceptor, type ListenAddress } from './acceptor.ts';
import { Dialler } from './dialler.ts';
import type { LaneSocket } from './lane-socket.ts';
import { Link } from './link.ts';
import { SessionMaker } from './session-maker.ts';

/** Who a node is on the wire, where it listens, and within which limits. */
export interface WsTransportOptions {
  readonly clusterId: ClusterId;
  /** This life of this node. The incarnation must be higher than in any life before, or peers refuse it. */
  readonly self: PeerIdentity;
  readonly keys: KeyPair;
  readonly listen: ListenAddress;
  readonly clock: Clock;
  /** For the jitter of dialling again. Nonces come from the operating system. */
  readonly random: Random;
  readonly logger: Logger;
  readonly limits?: Partial<TransportLimits>;
  /** What this node claims to speak; only tests and rehearsals of upgrades set it. */
  readonly wireVersions?: WireVersions;
}

/** A {@link Transport} over WebSockets. */
export interface WsTransport extends Transport {
  /** The URL that peers dial, with the real port; only after `open`. */
  address(): string;
}

interface Peer {
  readonly address: PeerAddress;
  /** Undefined on the side that is called: of two nodes, the one whose id sorts first dials. */
  readonly dialler: Dialler | undefined;
  incarnation: Incarnation | undefined;
  link: Link | undefined;
}

/** Links over real sockets: mutually authenticated, batched, bounded, and dialled again when they break. */
export function createWsTransport(options: WsTransportOptions): WsTransport {
  return new SocketTransport(options);
}

class SocketTransport extends TransportEnd implements WsTransport {
  readonly #options: WsTransportOptions;
  readonly #sessions: SessionMaker;
  readonly #acceptor: Acceptor;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #sockets = new Map<LaneSocket, Link>();
  readonly #dirty: Readonly<Record<Lane, Set<Link>>> = { control: new Set(), bulk: new Set() };
  #isFlushScheduled = false;
  #state: 'new' | 'open' | 'closed' = 'new';
  #closing: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  constructor(options: WsTransportOptions) {
    const { clock, logger, self, clusterId, keys, wireVersions = WIRE_VERSIONS } = options;
    super(self, transportLimits(options.limits), clock, logger);
    this.#options = options;
    this.#sessions = new SessionMaker({ clusterId, self, keys, wireVersions }, (nodeId) => ({
      publicKey: this.#peers.get(nodeId)?.address.publicKey,
      incarnation: this.#peers.get(nodeId)?.incarnation,
    }));
    this.#acceptor = new Acceptor(options.listen, {
      ...this.#shared(),
      superseded: (peer) => this.#peers.get(peer.nodeId)?.link?.down('the peer connected anew'),
    });
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  async open(): Promise<void> {
    assert(this.#state === 'new', 'a transport is opened once');
    await this.#acceptor.open();
    this.#state = 'open';
    for (const peer of this.#peers.values()) peer.dialler?.start();
  }

  address(): string {
    return this.#acceptor.address();
  }

  addPeer(address: PeerAddress): void {
    const { nodeId, url, publicKey } = address;
    if (nodeId === this.self.nodeId || this.#state === 'closed') return;
    const known = this.#peers.get(nodeId);
    if (known && known.address.url === url && known.address.publicKey === publicKey) return;
    if (known) this.#drop(known, 'its address or key changed');
    const dialler = this.self.nodeId < nodeId ? this.#dialler(address) : undefined;
    this.#peers.set(nodeId, { address, dialler, incarnation: known?.incarnation, link: undefined });
    if (this.#state === 'open') dialler?.start();
  }

  wireVersion(peer: NodeId): number | undefined {
    return this.#peers.get(peer)?.link?.wireVersion;
  }

  removePeer(nodeId: NodeId): void {
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) return;
    this.#peers.delete(nodeId);
    this.#drop(peer, 'the peer was removed');
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    this.loopback.close();
    for (const peer of this.#peers.values()) {
      peer.dialler?.stop();
      peer.link?.down('the transport is closed', true);
    }
    await new Promise<void>((resolve) => {
      if (this.#sockets.size === 0) resolve();
      else this.#emptied = resolve;
    });
    await this.#acceptor.close();
  }

  protected route(to: NodeId, channel: Channel, message: WireValue, lane: Lane): SendOutcome {
    if (to === this.self.nodeId) return this.loopback.send(channel, message, lane);
    const link = this.#peers.get(to)?.link;
    if (link === undefined) return 'no-link';
    const outcome = link.send(channel, message, lane);
    if (outcome === 'queued') this.#flushLater(link, lane);
    return outcome;
  }

  #flushLater(link: Link, lane: Lane): void {
    this.#dirty[lane].add(link);
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#options.clock.nextTurn(() => this.#flush());
  }

  /** Every control lane of the node goes before any bulk. */
  #flush(): void {
    this.#isFlushScheduled = false;
    for (const lane of ['control', 'bulk'] as const) {
      const links = [...this.#dirty[lane]];
      this.#dirty[lane].clear();
      for (const link of links) link.flush(lane);
    }
  }

  #dialler(address: PeerAddress): Dialler {
    const { random } = this.#options;
    return new Dialler(address, { ...this.#shared(), random });
  }

  #shared() {
    const { clock, logger } = this.#options;
    return {
      clock,
      logger,
      limits: this.limits,
      sessions: this.#sessions,
      refusals: this.refusals,
      linked: (result: Established, control: LaneSocket, bulk: LaneSocket) =>
        this.#linked(result, control, bulk),
      lost: (socket: LaneSocket, reason: string) => this.#lost(socket, reason),
    };
  }

  #linked(result: Established, control: LaneSocket, bulk: LaneSocket): void {
    const peer = this.#peers.get(result.peer.nodeId);
    if (peer === undefined || this.#state !== 'open') {
      control.terminate();
      bulk.terminate();
      return;
    }
    peer.link?.down('the peer connected anew');
    peer.incarnation = result.peer.incarnation;
    const link = new Link(
      result.peer,
      result.wireVersion,
      { control, bulk },
      {
        clock: this.#options.clock,
        limits: this.limits,
        tally: this.tally,
        refusals: this.refusals,
        subscriptions: this.subscriptions,
        down: (gone) => this.#down(peer, gone),
      },
    );
    peer.link = link;
    this.#sockets.set(control, link).set(bulk, link);
    link.start();
  }

  #lost(socket: LaneSocket, reason: string): void {
    const link = this.#sockets.get(socket);
    this.#sockets.delete(socket);
    link?.down(reason);
    if (this.#sockets.size === 0) this.#emptied?.();
  }

  #down(peer: Peer, link: Link): void {
    this.#dirty.control.delete(link);
    this.#dirty.bulk.delete(link);
    if (peer.link === link) peer.link = undefined;
    const isCurrent = this.#peers.get(peer.address.nodeId) === peer;
    if (isCurrent && this.#state === 'open') peer.dialler?.resume();
  }

  #drop(peer: Peer, reason: string): void {
    peer.dialler?.stop();
    peer.link?.down(reason, true);
  }
}
