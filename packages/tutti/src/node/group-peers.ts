import type { MembershipStatus } from '@tutti/consensus';
import {
  type Clock,
  type Logger,
  type NodeId,
  type PeerAddress,
  type Timer,
  type Transport,
} from '@tutti/kernel';
import * as z from 'zod';

/** How long the link to a node that has left the group is kept: over it the node is told that it is out. */
const LINGER_MS = 30_000;

const contactShape = z.object({
  url: z.string().regex(/^wss?:\/\//),
  publicKey: z.string().regex(/^[0-9a-f]{64}$/i),
});

/** What a configuration says of where a node is and how it proves itself; goes as `contact` to `node.group.addLearner`. */
export function contactOf({ url, publicKey }: PeerAddress): string {
  return JSON.stringify({ url, publicKey });
}

function addressFrom(node: NodeId, contact: string): PeerAddress | undefined {
  try {
    return { nodeId: node, ...contactShape.parse(JSON.parse(contact)) };
  } catch {
    return undefined;
  }
}

/**
 * Keeps the links of a node as its group changes. Founders are named by the options; whoever joins later is found by the
 * contact in the configuration, and loses its link when it has left.
 */
export class GroupPeers {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Told where these are by whoever runs the node, who knows better than a configuration that may be old. */
  readonly #given = new Set<NodeId>();
  /** Members of a configuration that was in force here; at most the members of two. */
  #members: ReadonlySet<NodeId> = new Set();
  readonly #leaving = new Map<NodeId, Timer>();

  constructor(transport: Transport, clock: Clock, logger: Logger) {
    this.#transport = transport;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Links to peers, whatever the configuration says of where they are. */
  give(peers: readonly PeerAddress[]): void {
    for (const peer of peers) {
      this.#given.add(peer.nodeId);
      this.#transport.addPeer(peer);
    }
  }

  /** A configuration is in force. Nobody is given up by one that may still be taken back. */
  follow({ voters, learners, outgoing, contacts, isCommitted }: MembershipStatus): void {
    const now = new Set([...voters, ...learners, ...outgoing]);
    for (const node of now) this.#stay(node, contacts[node]);
    if (!isCommitted) {
      this.#members = new Set([...this.#members, ...now]);
      return;
    }
    for (const node of this.#members) if (!now.has(node)) this.#leave(node);
    this.#members = now;
  }

  close(): void {
    for (const timer of this.#leaving.values()) this.#clock.clearTimer(timer);
    this.#leaving.clear();
  }

  #stay(node: NodeId, contact: string | undefined): void {
    const timer = this.#leaving.get(node);
    if (timer) this.#clock.clearTimer(timer);
    this.#leaving.delete(node);
    if (node === this.#transport.self.nodeId || this.#given.has(node) || contact === undefined) return;
    const address = addressFrom(node, contact);
    if (address) this.#transport.addPeer(address);
    else this.#logger.warn({ node, contact }, 'The contact of a member is not understood: it gets no link');
  }

  #leave(node: NodeId): void {
    if (this.#leaving.has(node) || node === this.#transport.self.nodeId) return;
    const timer = this.#clock.setTimer(LINGER_MS, () => {
      this.#leaving.delete(node);
      this.#given.delete(node);
      this.#transport.removePeer(node);
    });
    this.#leaving.set(node, timer);
  }
}
