import {
  type Clock,
  type Logger,
  messageOf,
  type NodeId,
  type PeerIdentity,
  type Timer,
  type Transport,
  TuttiError,
} from '@tutti/kernel';
import type { Address, Ref } from '../actor/ref.ts';
import type { RouteeSource } from '../routing/router.ts';
import type { Courier } from './courier.ts';
import { inParts, type ListingChange, Listings, NodeListing } from './listings.ts';
import type { Members } from './member.ts';
import type { Life } from './membership.ts';
import type { ActorMessage } from './parcel.ts';

/** Entries that one node may register. */
export const REGISTRATIONS_MAX = 50_000;
/** How often a node that has registered something tells the others how far it is, in case they have missed a change. */
const REMIND_MS = 1_000;
const KEY_MAX = 256;

/**
 * Finds actors by what they are for: an actor is registered under a key, and every node of the cluster finds it there.
 * An entry is there as long as its actor and the node that registered it: when either ends, it vanishes from every
 * node. Soft state that each node owns for itself and tells the others (as Erlang's `pg` does): a change is seen at
 * once on its own node and on the others when they hear of it, also while there is no quorum; nothing goes through the
 * log. A node that is lost takes its entries along when the log says so.
 */
export interface Receptionist {
  /**
   * Registers an actor under a key, any text of 1 to 256 characters; an actor may have many keys. Registering it again
   * lists it no second time; it then stays until both are taken back. Returns the function that takes this registration
   * back.
   * @throws TuttiError `TUTTI_OVERLOADED` beyond {@link REGISTRATIONS_MAX} entries of this node, `TUTTI_SERVICE_KEY_INVALID`
   */
  register(key: string, ref: Ref): () => void;
  /** Takes an actor back for all who registered it on this node; of an actor that nobody did, nothing happens. */
  deregister(key: string, ref: Ref): void;
  /** Those registered now, as this node knows it: by the name of the node, then in the order of registration. */
  find(key: string): readonly Ref[];
  /** Calls back with the listing in a later turn, and then whenever it has changed. */
  subscribe(key: string, listener: (refs: readonly Ref[]) => void): () => void;
  /** The routees of a group router: `createRouter(system, { group: receptionist.group('key') })`. */
  group(key: string): RouteeSource;
}

interface ReceptionistOptions {
  readonly self: Life;
  readonly transport: Transport;
  readonly courier: Courier;
  readonly members: Members;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly makeRef: (address: Address) => Ref;
}

type Listed = Extract<ActorMessage, { t: 'listed' }>;

interface Registered {
  /** Under which keys, and how many have registered it there and not taken it back. */
  readonly keys: Map<string, { holders: number }>;
  readonly unwatch: () => void;
}

interface Subscription {
  readonly key: string;
  readonly listener: (refs: readonly Ref[]) => void;
  /** What was told last; undefined before the first time. */
  told: string | undefined;
}

export class ClusterReceptionist implements Receptionist {
  readonly #options: ReceptionistOptions;
  readonly #listings = new Listings();
  readonly #own: NodeListing;
  /** Of nodes whose listing is coming in parts, what has come; until it is whole the one before counts. */
  readonly #drafts = new Map<NodeId, NodeListing>();
  readonly #registered = new Map<Address, Registered>();
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  /** Keys whose listing may have changed; looked at in the next turn, never on the stack of whoever changed it. */
  readonly #changed = new Set<string>();
  /** Nodes that have been asked for their listing and have not answered. */
  readonly #asked = new Set<NodeId>();
  #reminder: Timer | undefined;
  #isStopped = false;

  constructor(options: ReceptionistOptions) {
    this.#options = options;
    this.#own = new NodeListing(options.self.incarnation);
    this.#listings.set(options.self.nodeId, this.#own);
    options.members.onChange(({ nodeId }) => this.#memberChanged(nodeId));
    options.transport.onLink({
      linkUp: ({ nodeId }) => this.#sendAll(nodeId),
      linkDown: () => {},
    });
  }

  register(key: string, ref: Ref): () => void {
    if (this.#isStopped) throw new TuttiError('TUTTI_CLOSED', { what: 'This node' });
    if (key.length === 0 || key.length > KEY_MAX) throw new TuttiError('TUTTI_SERVICE_KEY_INVALID', { key });
    const { address } = ref;
    const known = this.#registered.get(address);
    const listed = known?.keys.get(key);
    if (!listed && this.#own.size >= REGISTRATIONS_MAX) {
      const details = { what: 'The receptionist', size: this.#own.size, limit: REGISTRATIONS_MAX };
      throw new TuttiError('TUTTI_OVERLOADED', details);
    }
    const registered = known ?? { keys: new Map(), unwatch: ref.watch(() => this.#actorGone(address)) };
    this.#registered.set(address, registered);
    const entry = listed ?? { holders: 0 };
    registered.keys.set(key, entry);
    entry.holders++;
    if (!listed) this.#change([[key, address, true]]);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      entry.holders--;
      if (entry.holders === 0 && this.#registered.get(address)?.keys.get(key) === entry)
        this.deregister(key, ref);
    };
  }

  deregister(key: string, { address }: Ref): void {
    const known = this.#registered.get(address);
    if (!known?.keys.delete(key)) return;
    this.#change([[key, address, false]]);
    if (known.keys.size > 0) return;
    known.unwatch();
    this.#registered.delete(address);
  }

  find(key: string): readonly Ref[] {
    return this.#addresses(key).map(this.#options.makeRef);
  }

  subscribe(key: string, listener: (refs: readonly Ref[]) => void): () => void {
    const subscription: Subscription = { key, listener, told: undefined };
    const known = this.#subscriptions.get(key);
    if (known) known.add(subscription);
    else this.#subscriptions.set(key, new Set([subscription]));
    this.#lookAt([key]);
    return () => {
      const all = this.#subscriptions.get(key);
      all?.delete(subscription);
      if (all?.size === 0) this.#subscriptions.delete(key);
    };
  }

  group(key: string): RouteeSource {
    return {
      follow: (listener) => {
        // At once: a message for the group may come in this very turn.
        listener(this.find(key));
        return this.subscribe(key, listener);
      },
    };
  }

  /** What another node says of its own entries, or asks about ours. */
  receive(from: PeerIdentity, message: ActorMessage): void {
    if (message.t === 'listing') {
      if (message.version !== this.#own.version) this.#sendAll(from.nodeId);
    } else if (message.t === 'listed') this.#listed(from, message);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#reminder) this.#options.clock.clearTimer(this.#reminder);
    for (const { unwatch } of this.#registered.values()) unwatch();
    this.#registered.clear();
    this.#subscriptions.clear();
  }

  #actorGone(address: Address): void {
    const keys = [...(this.#registered.get(address)?.keys.keys() ?? [])];
    this.#registered.delete(address);
    this.#change(keys.map((key): ListingChange => [key, address, false]));
  }

  /** Changes this node's own entries and tells everybody. */
  #change(changes: readonly ListingChange[]): void {
    if (changes.length === 0) return;
    for (const part of inParts(changes)) {
      const base = this.#own.version++;
      for (const change of part) this.#own.change(change);
      for (const { nodeId } of this.#options.transport.linked())
        this.#say(nodeId, { base, version: base + 1, changes: part });
    }
    this.#remindLater();
    this.#lookAt(changes.map(([key]) => key));
  }

  /**
   * The whole of it, which replaces what the other node knew. Its parts have the numbers of the versions up to the
   * present one, which are enough: every entry was a version. Who knows of no parts gets there as well.
   */
  #sendAll(to: NodeId): void {
    const { version: upTo } = this.#own;
    if (upTo === 0 || this.#isStopped) return;
    const parts = inParts(this.#own.all());
    const first = upTo - parts.length + 1;
    parts.forEach((changes, at) => {
      const listed = { base: at === 0 ? -1 : first + at - 1, version: first + at, changes };
      this.#say(to, parts.length === 1 ? listed : { ...listed, upTo });
    });
    this.#remindLater();
  }

  #say(to: NodeId, listed: Omit<Listed, 't'>): void {
    this.#options.courier.signal(to, { t: 'listed', ...listed }, 'bulk');
  }

  /** As long as there is anybody to remind. */
  #remindLater(): void {
    if (this.#isStopped || this.#options.transport.linked().length === 0) return;
    this.#reminder ??= this.#options.clock.setTimer(REMIND_MS, () => {
      this.#reminder = undefined;
      const { version } = this.#own;
      for (const { nodeId } of this.#options.transport.linked())
        this.#say(nodeId, { base: version, version, changes: [] });
      this.#remindLater();
    });
  }

  #listed({ nodeId, incarnation }: PeerIdentity, { base, version, changes, upTo }: Listed): void {
    const known = this.#listings.get(nodeId);
    if (known && known.life > incarnation) return;
    const draft = base === -1 ? new NodeListing(incarnation) : this.#drafts.get(nodeId);
    if (draft && (base === -1 || (draft.life === incarnation && draft.version === base))) {
      for (const change of changes) draft.change(change);
      draft.version = version;
      if (upTo !== undefined && version < upTo) return void this.#drafts.set(nodeId, draft);
      this.#drafts.delete(nodeId);
      this.#asked.delete(nodeId);
      this.#listings.set(nodeId, draft);
      return this.#lookAt([...(known?.keys() ?? []), ...draft.keys()]);
    }
    const isNext = upTo === undefined && known?.life === incarnation && known.version === base;
    if (!isNext) {
      // A change was missed, or came twice; only the former matters.
      if (known?.life === incarnation && known.version >= version) return;
      // One answer makes good for all that follows; what may be lost is asked for again at each reminder.
      if (this.#asked.has(nodeId) && changes.length > 0) return;
      this.#asked.add(nodeId);
      this.#options.courier.signal(nodeId, { t: 'listing', version: known?.version ?? 0 }, 'bulk');
      return;
    }
    for (const change of changes) known.change(change);
    known.version = version;
    this.#lookAt(changes.map(([key]) => key));
  }

  #memberChanged(node: NodeId): void {
    const listing = this.#listings.get(node);
    const member = this.#options.members.get(node);
    const isGone = member?.state === 'lost' || member?.state === 'left';
    if (isGone) {
      this.#drafts.delete(node);
      this.#asked.delete(node);
    }
    if (!listing) return;
    const keys = [...listing.keys()];
    const isOver =
      member !== undefined &&
      (member.incarnation > listing.life || (member.incarnation === listing.life && isGone));
    if (isOver && node !== this.#options.self.nodeId) this.#listings.delete(node);
    this.#lookAt(keys);
  }

  #addresses(key: string): readonly Address[] {
    const { members, self } = this.#options;
    return this.#listings.addresses(key, (node, life) => {
      if (node === self.nodeId) return true;
      const member = members.get(node);
      return member?.incarnation === life && (member.state === 'up' || member.state === 'leaving');
    });
  }

  #lookAt(keys: Iterable<string>): void {
    const isScheduled = this.#changed.size > 0;
    for (const key of keys) if (this.#subscriptions.has(key)) this.#changed.add(key);
    if (isScheduled || this.#changed.size === 0) return;
    this.#options.clock.nextTurn(() => {
      const changed = [...this.#changed];
      this.#changed.clear();
      for (const key of changed) this.#tell(key);
    });
  }

  #tell(key: string): void {
    const subscriptions = this.#subscriptions.get(key);
    if (!subscriptions) return;
    const addresses = this.#addresses(key);
    const text = addresses.join('\n');
    const refs = addresses.map(this.#options.makeRef);
    for (const subscription of Array.from(subscriptions)) {
      if (subscription.told === text || !subscriptions.has(subscription)) continue;
      subscription.told = text;
      try {
        subscription.listener(refs);
      } catch (error) {
        this.#options.logger.error({ key, problem: messageOf(error) }, 'a subscriber of a listing threw');
      }
    }
  }
}
