import type {
  ClusterId,
  Incarnation,
  Lane,
  NodeId,
  PeerAddress,
  PeerIdentity,
  Transport,
  WireValue,
} from '@tutti/kernel';
import type { TransportLimits, WireVersions } from '../codec/limits.ts';

/** What a {@link TransportWorld} needs to know to start a node; the rest fits all others. */
export interface WorldNodeOptions {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly clusterId?: ClusterId;
  readonly wireVersions?: WireVersions;
  readonly limits?: Partial<TransportLimits>;
}

/** One node of a {@link TransportWorld}. */
export interface WorldNode {
  readonly transport: Transport;
  /** How others reach it. The same for every life of a node. */
  readonly address: PeerAddress;
}

/** A place where transports of one kind can be tried: what the conformance suite asks of an implementation. */
export interface TransportWorld {
  /** Starts a node: open, with no peers. */
  start(options: WorldNodeOptions): Promise<WorldNode>;
  /** Resolves once the condition holds; time passes meanwhile. Fails if it never will. */
  until(condition: () => boolean): Promise<void>;
  /** To be called when something happened that a condition may depend on. */
  changed(): void;
  /** Breaks the connections of two nodes without a goodbye; they may connect anew. */
  breakLink(a: WorldNode, b: WorldNode): void;
  /** Ends a node without a goodbye. */
  kill(node: WorldNode): void;
  /** Stops everything that was started. */
  dispose(): Promise<void>;
}

/** The channel of the suite's messages. */
export const SUITE_CHANNEL = 40;

/** Writes down all that one transport tells. */
export class Recorder {
  readonly received: { readonly from: PeerIdentity; readonly message: WireValue }[] = [];
  /** `up a/1`, `down a/1`: node and incarnation. */
  readonly links: string[] = [];
  readonly transport: Transport;

  constructor(node: WorldNode, world: TransportWorld) {
    this.transport = node.transport;
    node.transport.onMessage(SUITE_CHANNEL, (from, message) => {
      this.received.push({ from, message });
      world.changed();
    });
    node.transport.onLink({
      linkUp: (peer) => this.#note('up', peer, world),
      linkDown: (peer) => this.#note('down', peer, world),
    });
  }

  get messages(): WireValue[] {
    return this.received.map(({ message }) => message);
  }

  get isLinked(): boolean {
    return this.transport.linked().length > 0;
  }

  /** Turned away, by reason. */
  rejected(reason: string): number {
    return this.transport.counters().rejected[reason] ?? 0;
  }

  send(to: WorldNode, message: WireValue, lane?: Lane) {
    return this.transport.send(to.address.nodeId, SUITE_CHANNEL, message, lane);
  }

  #note(what: string, peer: PeerIdentity, world: TransportWorld): void {
    this.links.push(`${what} ${peer.nodeId}/${peer.incarnation}`);
    world.changed();
  }
}
