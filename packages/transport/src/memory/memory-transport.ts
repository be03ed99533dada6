import {
  assert,
  type Channel,
  type Clock,
  type Incarnation,
  isTuttiError,
  type Lane,
  type Logger,
  type NodeId,
  type PeerAddress,
  type PeerIdentity,
  type SendOutcome,
  type Transport,
  type WireValue,
} from '@tutti/kernel';
import { readMessages } from '../codec/frame.ts';
import type { TransportLimits } from '../codec/limits.ts';
import { msgpackCodec } from '../codec/msgpack-codec.ts';
import type { Hello } from '../session/hello.ts';
import { TransportEnd } from '../session/transport-end.ts';
import type { MemoryPipe } from './memory-pipe.ts';

/** What a transport in memory asks of its network. */
export interface MemoryFabric {
  /** Something changed at this node that may let links come up. */
  changed(node: MemoryTransport): void;
  /** This end has let go of its link to `peer`. */
  left(node: MemoryTransport, peer: NodeId): void;
}

export interface MemoryTransportDeps {
  readonly hello: Pick<Hello, 'clusterId' | 'nodeId' | 'incarnation' | 'wireVersions' | 'publicKey'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: TransportLimits;
  readonly fabric: MemoryFabric;
}

interface MemoryPeer {
  readonly address: PeerAddress;
  incarnation: Incarnation | undefined;
}

interface MemoryEnd {
  readonly peer: PeerIdentity;
  readonly out: MemoryPipe;
  readonly wireVersion: number;
}

/** A {@link Transport} whose links are made by a `MemoryNetwork`. */
export class MemoryTransport extends TransportEnd implements Transport {
  readonly hello: MemoryTransportDeps['hello'];
  readonly #deps: MemoryTransportDeps;
  readonly #peers = new Map<NodeId, MemoryPeer>();
  readonly #ends = new Map<NodeId, MemoryEnd>();
  readonly #dirty: Readonly<Record<Lane, Set<MemoryPipe>>> = { control: new Set(), bulk: new Set() };
  #isFlushScheduled = false;
  #state: 'new' | 'open' | 'closed' | 'crashed' = 'new';

  constructor(deps: MemoryTransportDeps) {
    const { hello, clock, logger, limits } = deps;
    super({ nodeId: hello.nodeId, incarnation: hello.incarnation }, limits, clock, logger);
    this.#deps = deps;
    this.hello = hello;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  async open(): Promise<void> {
    assert(this.#state === 'new', 'a transport is opened once');
    this.#state = 'open';
    this.#deps.fabric.changed(this);
  }

  addPeer(address: PeerAddress): void {
    const { nodeId, url, publicKey } = address;
    if (nodeId === this.self.nodeId) return;
    const known = this.#peers.get(nodeId);
    if (known && known.address.url === url && known.address.publicKey === publicKey) return;
    if (known) this.endDown(nodeId, 'its address or key changed');
    this.#peers.set(nodeId, { address, incarnation: known?.incarnation });
    this.#deps.fabric.changed(this);
  }

  removePeer(nodeId: NodeId): void {
    if (this.#peers.delete(nodeId)) this.endDown(nodeId, 'the peer was removed');
  }

  async close(): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'crashed') return;
    this.#state = 'closed';
    this.loopback.close();
    for (const nodeId of this.#ends.keys()) this.endDown(nodeId, 'the transport is closed');
  }

  /** The process is gone: it hears and says nothing from now on. */
  crash(): void {
    this.#state = 'crashed';
    this.loopback.close();
    this.#ends.clear();
  }

  knowledgeOf(nodeId: NodeId): { publicKey: string | undefined; incarnation: Incarnation | undefined } {
    const peer = this.#peers.get(nodeId);
    return { publicKey: peer?.address.publicKey, incarnation: peer?.incarnation };
  }

  knows(nodeId: NodeId): boolean {
    return this.#peers.has(nodeId);
  }

  wireVersion(peer: NodeId): number | undefined {
    return this.#ends.get(peer)?.wireVersion;
  }

  /** The network has made a link; `out` leads to the peer. */
  endUp(peer: PeerIdentity, out: MemoryPipe, wireVersion: number): void {
    this.#peers.get(peer.nodeId)!.incarnation = peer.incarnation;
    this.#ends.set(peer.nodeId, { peer, out, wireVersion });
    this.subscriptions.linkUp(peer);
  }

  /** This end of the link goes down, if it is up. */
  endDown(nodeId: NodeId, reason: string): void {
    const end = this.#ends.get(nodeId);
    if (end === undefined) return;
    this.#ends.delete(nodeId);
    this.subscriptions.linkDown(end.peer, reason);
    this.#deps.fabric.left(this, nodeId);
  }

  /** A frame from a peer. */
  arrived(from: NodeId, frame: Uint8Array): void {
    this.tally.received(frame.length);
    readMessages(frame, (channel, start, end) => {
      const link = this.#ends.get(from);
      if (link === undefined || this.#state !== 'open') return;
      try {
        this.subscriptions.deliver(link.peer, channel, msgpackCodec.decodeRange(frame, start, end));
      } catch (thrown) {
        if (!isTuttiError(thrown)) throw thrown;
        this.refusals.note(thrown, from, false);
      }
    });
  }

  protected route(to: NodeId, channel: Channel, message: WireValue, lane: Lane): SendOutcome {
    if (to === this.self.nodeId) return this.loopback.send(channel, message, lane);
    const end = this.#ends.get(to);
    if (end === undefined) return 'no-link';
    const outcome = end.out.send(channel, message, lane);
    if (outcome === 'queued') this.#flushLater(end.out, lane);
    return outcome;
  }

  #flushLater(pipe: MemoryPipe, lane: Lane): void {
    this.#dirty[lane].add(pipe);
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#deps.clock.nextTurn(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushScheduled = false;
    for (const lane of ['control', 'bulk'] as const) {
      const pipes = [...this.#dirty[lane]];
      this.#dirty[lane].clear();
      if (this.#state !== 'crashed') for (const pipe of pipes) pipe.flush(lane);
    }
  }
}
