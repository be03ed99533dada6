import {
  clusterId,
  type Logger,
  type NodeId,
  type PeerAddress,
  seededRandom,
  silentLogger,
  systemClock,
} from '@tutti/kernel';
import { generateKeyPair, type KeyPair } from '../auth/key-pair.ts';
import { createWsTransport, type WsTransport } from '../ws/ws-transport.ts';
import { TcpRelay } from './tcp-relay.ts';
import type { TransportWorld, WorldNode, WorldNodeOptions } from './transport-world.ts';

interface Place {
  readonly keys: KeyPair;
  readonly relay: TcpRelay;
}

/** Real sockets on the loopback device; each node is behind a relay that can be broken. */
export class WsWorld implements TransportWorld {
  readonly #places = new Map<NodeId, Place>();
  readonly #transports: WsTransport[] = [];
  readonly #closing: Promise<void>[] = [];
  #waiting: (() => void)[] = [];

  async start(options: WorldNodeOptions): Promise<WorldNode> {
    const { nodeId, incarnation } = options;
    const place = await this.place(nodeId);
    const transport = createWsTransport({
      clusterId: options.clusterId ?? clusterId('test'),
      self: { nodeId, incarnation },
      keys: place.keys,
      listen: { host: '127.0.0.1', port: 0 },
      clock: systemClock,
      random: seededRandom(1),
      logger: this.#logger(),
      limits: { redialInitialMs: 1, redialMaxMs: 20, redialRefusedMs: 20, ...options.limits },
      ...(options.wireVersions && { wireVersions: options.wireVersions }),
    });
    this.#transports.push(transport);
    await transport.open();
    place.relay.target = Number(new URL(transport.address()).port);
    return { transport, address: await this.address(nodeId) };
  }

  /** How others reach a node, whether it runs or not. */
  async address(nodeId: NodeId): Promise<PeerAddress> {
    const { keys, relay } = await this.place(nodeId);
    return { nodeId, url: relay.url, publicKey: keys.publicKey };
  }

  async place(nodeId: NodeId): Promise<Place> {
    const known = this.#places.get(nodeId);
    if (known) return known;
    const place = { keys: generateKeyPair(), relay: await TcpRelay.open() };
    this.#places.set(nodeId, place);
    return place;
  }

  /** Looks at the condition now and after each event; no time is waited out. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  breakLink(a: WorldNode, b: WorldNode): void {
    const callee = a.address.nodeId < b.address.nodeId ? b : a;
    this.#places.get(callee.address.nodeId)!.relay.reset();
  }

  /** All of a node's connections go through a relay only where it is called, so this suits nodes that are. */
  kill(node: WorldNode): void {
    const { relay } = this.#places.get(node.address.nodeId)!;
    relay.target = undefined;
    relay.reset();
    this.#closing.push(node.transport.close());
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()));
    await Promise.all([...this.#places.values()].map(({ relay }) => relay.close()));
    await Promise.all(this.#closing);
  }

  /** What is refused is logged, so a log line is an event that a condition may depend on. */
  #logger(): Logger {
    const note = () => this.changed();
    return { ...silentLogger, warn: note, error: note };
  }
}
