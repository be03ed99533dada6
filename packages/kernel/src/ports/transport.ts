import type { Incarnation, NodeId } from '../ids.ts';

/**
 * The two lanes of a link. `control` (heartbeats, votes, acknowledgements, signals) overtakes `bulk` and is never
 * held back by it; within a lane, and per pair of nodes, order is kept.
 */
export type Lane = 'control' | 'bulk';

/**
 * Which part of a node a message is for. One byte on the wire; a handler is registered per channel.
 * 1 consensus, 2 actors, 3 probes between nodes, 4 client requests. 32 and above are free for applications.
 */
export type Channel = number;
/** The channels there are, by whose messages they carry. */
export const CHANNEL = { consensus: 1, actors: 2, probes: 3, clients: 4 } as const;

/** A value that the wire carries: what MessagePack can say. No functions, no class instances. */
export type WireValue = unknown;

/** Where a peer is, and the key that proves it is that peer. */
export interface PeerAddress {
  readonly nodeId: NodeId;
  /** For sockets a URL, `ws://host:port`; for memory any text. */
  readonly url: string;
  /** Ed25519 public key, 32 bytes in hexadecimal. */
  readonly publicKey: string;
}

/** Who is at the other end of a link that is up: this life of that node. */
export interface PeerIdentity {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
}

/**
 * What became of a message. `queued` promises nothing but order: delivery is at most once. `no-link`: the peer is
 * not connected. `full`: the lane's buffer is at its bound; the message was not taken.
 */
export type SendOutcome = 'queued' | 'no-link' | 'full';

/** Called for each message of a channel, in order per peer and lane. Must not throw. */
export type MessageHandler = (from: PeerIdentity, message: WireValue) => void;

/** Told when a link comes up (handshake done) and when it goes down, alternating per peer. */
export interface LinkListener {
  linkUp(peer: PeerIdentity): void;
  linkDown(peer: PeerIdentity, reason: string): void;
}

/** Totals since the start, for status pages and tests. */
export interface TransportCounters {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /**
   * Messages not taken because a lane was full or the link down, or taken and not yet sent when it went down. What had
   * been sent by then may have arrived or not: nobody counts it.
   */
  readonly messagesRefused: number;
  /** Frames or handshakes turned away, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
}

/**
 * Links between the nodes of one cluster. Consensus, the runtime and the cluster's probes all speak through it;
 * none of them knows whether sockets or memory carry it. Sending to oneself is delivered in a later turn.
 */
export interface Transport {
  readonly self: PeerIdentity;
  /** Begins to accept and to dial. @throws TuttiError `TUTTI_PORT_IN_USE` */
  open(): Promise<void>;
  /** Keeps a link to this peer from now on, dialling again with backoff when it breaks. Idempotent. */
  addPeer(peer: PeerAddress): void;
  /** Drops the link and does not dial again. */
  removePeer(nodeId: NodeId): void;
  /** Sends; the value is encoded before this returns, so the caller may change it afterwards. */
  send(to: NodeId, channel: Channel, message: WireValue, lane?: Lane): SendOutcome;
  /** Registers the one handler of a channel. */
  onMessage(channel: Channel, handler: MessageHandler): void;
  /** Adds a listener to links; it is told at once about links that are up already. */
  onLink(listener: LinkListener): void;
  /**
   * The version of the wire format that was agreed on with a peer whose link is up. Undefined without a link, and of a
   * transport that knows of no versions; then it is 1. What a version added is sent only to who speaks it.
   */
  wireVersion?(peer: NodeId): number | undefined;
  /** The most bytes that one message may have when it is encoded; `send` throws at a larger one. Undefined: no bound. */
  readonly messageBytesMax?: number | undefined;
  /** Peers whose link is up. */
  linked(): readonly PeerIdentity[];
  counters(): TransportCounters;
  /** Sends what is queued, closes every link, stops dialling. Idempotent. */
  close(): Promise<void>;
}
