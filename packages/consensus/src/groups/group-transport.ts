import {
  CHANNEL,
  type Channel,
  type Clock,
  type Lane,
  type LinkListener,
  type MessageHandler,
  type NodeId,
  type PeerAddress,
  type PeerIdentity,
  type SendOutcome,
  type Transport,
  type TransportCounters,
  type WireValue,
} from '@tutti/kernel';

/** Messages of groups in one message of the node at most. */
const COALESCED_MAX = 1_024;

/** What names a group in a message: its name of at most 64 bytes, and the two headers around it. */
const GROUP_BYTES_MAX = 72;

/**
 * The links of a node, shared by its groups. What the groups say to one peer in one turn of the event loop, in the
 * control lane, is one message: a thousand heartbeats are one frame. Entries and snapshots travel one by one, since each
 * is large enough.
 *
 * On the wire: `[group, message, group, message, ...]` on the channel of consensus; an empty one is a sign of life.
 */
export class GroupLinks {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #groups = new Map<string, GroupTransport>();
  readonly #outbox = new Map<NodeId, WireValue[]>();
  readonly #onHeard: (from: PeerIdentity) => void;
  /** Who has a link, asked once in a turn: thousands of groups send in one. */
  #linked: ReadonlySet<NodeId> | undefined;
  #scheduled = false;

  constructor(transport: Transport, clock: Clock, onHeard: (from: PeerIdentity) => void) {
    this.#transport = transport;
    this.#clock = clock;
    this.#onHeard = onHeard;
    transport.onMessage(CHANNEL.consensus, (from, message) => this.#receive(from, message));
    transport.onLink({
      linkUp: (peer) => {
        this.#linked = undefined;
        this.#eachListener((listener) => listener.linkUp(peer));
      },
      linkDown: (peer, reason) => {
        this.#linked = undefined;
        this.#eachListener((listener) => listener.linkDown(peer, reason));
      },
    });
  }

  #hasLink(peer: NodeId): boolean {
    this.#linked ??= new Set([
      this.#transport.self.nodeId,
      ...this.#transport.linked().map(({ nodeId }) => nodeId),
    ]);
    return this.#linked.has(peer);
  }

  /** The end of one group; a later one takes the place of an earlier. */
  attach(group: string): GroupTransport {
    const end = new GroupTransport(this, this.#transport, group);
    this.#groups.set(group, end);
    return end;
  }

  detach(group: string): void {
    this.#groups.delete(group);
  }

  /** A sign of life, unless something else is on its way in this turn. */
  beat(peer: NodeId): void {
    if (!this.#outbox.has(peer)) this.#outbox.set(peer, []);
    this.#schedule();
  }

  send(to: NodeId, group: string, message: WireValue, lane: Lane): SendOutcome {
    if (lane === 'bulk') return this.#transport.send(to, CHANNEL.consensus, [group, message], lane);
    this.#schedule();
    if (!this.#hasLink(to)) return 'no-link';
    let waiting = this.#outbox.get(to);
    if (!waiting) this.#outbox.set(to, (waiting = []));
    waiting.push(group, message);
    if (waiting.length >= 2 * COALESCED_MAX) this.#post(to, waiting);
    return 'queued';
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.nextTurn(() => {
      this.#scheduled = false;
      this.#linked = undefined;
      for (const [to, waiting] of this.#outbox) this.#post(to, waiting);
    });
  }

  #post(to: NodeId, waiting: WireValue[]): void {
    this.#outbox.delete(to);
    this.#transport.send(to, CHANNEL.consensus, waiting, 'control');
  }

  #receive(from: PeerIdentity, value: WireValue): void {
    this.#onHeard(from);
    if (!Array.isArray(value) || value.length % 2 !== 0) return;
    for (let at = 0; at < value.length; at += 2) {
      this.#groups.get(String(value[at]))?.deliver(from, value[at + 1]);
    }
  }

  #eachListener(tell: (listener: LinkListener) => void): void {
    for (const group of this.#groups.values()) for (const listener of group.listeners) tell(listener);
  }
}

/** One group's end of the node's links. */
export class GroupTransport implements Transport {
  readonly self: PeerIdentity;
  readonly listeners: LinkListener[] = [];
  readonly #links: GroupLinks;
  readonly #transport: Transport;
  readonly #group: string;
  #handler: MessageHandler | undefined;

  constructor(links: GroupLinks, transport: Transport, group: string) {
    this.self = transport.self;
    this.#links = links;
    this.#transport = transport;
    this.#group = group;
  }

  get messageBytesMax(): number | undefined {
    const { messageBytesMax } = this.#transport;
    return messageBytesMax === undefined ? undefined : messageBytesMax - GROUP_BYTES_MAX;
  }

  send(to: NodeId, _channel: Channel, message: WireValue, lane: Lane = 'control'): SendOutcome {
    return this.#links.send(to, this.#group, message, lane);
  }

  onMessage(_channel: Channel, handler: MessageHandler): void {
    this.#handler = handler;
  }

  onLink(listener: LinkListener): void {
    this.listeners.push(listener);
    for (const peer of this.linked()) listener.linkUp(peer);
  }

  deliver(from: PeerIdentity, message: WireValue): void {
    this.#handler?.(from, message);
  }

  linked(): readonly PeerIdentity[] {
    return this.#transport.linked();
  }

  counters(): TransportCounters {
    return this.#transport.counters();
  }

  // The links belong to the node, which opens and closes them.

  open(): Promise<void> {
    return Promise.resolve();
  }

  addPeer(_peer: PeerAddress): void {}

  removePeer(_nodeId: NodeId): void {}

  close(): Promise<void> {
    this.#links.detach(this.#group);
    return Promise.resolve();
  }
}
