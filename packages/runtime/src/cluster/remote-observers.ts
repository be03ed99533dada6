import type { Clock, Incarnation, NodeId, PeerIdentity, Transport } from '@tutti/kernel';
import { TuttiError } from '@tutti/kernel';
import { parseLocalAddress } from '../actor/address.ts';
import type { Address, Terminated } from '../actor/ref.ts';
import type { Courier } from './courier.ts';
import type { Member, Members } from './member.ts';
import type { ActorMessage } from './parcel.ts';
import { TryAgain } from './try-again.ts';

interface Observation {
  readonly kind: 'watch' | 'subscribe';
  readonly address: Address;
  readonly node: NodeId;
  /** The life that the address is of; undefined when the address is not tied to one. */
  readonly life: Incarnation | undefined;
  readonly onEnded: ((notice: Terminated) => void) | undefined;
  readonly onSnapshot: ((snapshot: unknown) => void) | undefined;
  /** Whether it is to be stopped as well, and has been told so. */
  stop?: 'wanted' | 'told';
}

interface RemoteObserversOptions {
  readonly courier: Courier;
  readonly transport: Transport;
  readonly members: Members;
  readonly clock: Clock;
  readonly limit: number;
}

/**
 * This node's watches and subscriptions of actors elsewhere. Each is asked for again whenever the link comes back; the
 * other side keeps the notice of an end until it is acknowledged, so a watcher hears of it exactly once, cut links or
 * not. When the log says that the node's life is over, or a later life answers, the end is told from here.
 */
export class RemoteObservers {
  readonly #options: RemoteObserversOptions;
  readonly #open = new Map<number, Observation>();
  /** Those that found no room, in the link or at the other side. */
  readonly #unheard: TryAgain<number>;

  constructor(options: RemoteObserversOptions) {
    this.#options = options;
    this.#unheard = new TryAgain(options.clock, (id) => {
      const observation = this.#open.get(id);
      if (observation) this.#request(id, observation);
    });
    options.members.onChange((member) => this.#memberChanged(member));
    options.transport.onLink({
      linkUp: (peer) => this.#linkUp(peer),
      linkDown: () => {},
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /** Watches an actor of another node; calls back exactly once, in a later turn. */
  watch(node: NodeId, address: Address, onEnded: (notice: Terminated) => void): () => void {
    const life = parseLocalAddress(address)?.incarnation;
    if (this.#isGone(node, life)) return this.#endLater(address, onEnded);
    return this.#add({ kind: 'watch', address, node, life, onEnded, onSnapshot: undefined });
  }

  /** Follows an actor's snapshots: the latest, throttled by the other side. */
  subscribe(node: NodeId, address: Address, onSnapshot: (snapshot: unknown) => void): () => void {
    const life = parseLocalAddress(address)?.incarnation;
    if (this.#isGone(node, life)) return () => {};
    return this.#add({ kind: 'subscribe', address, node, life, onEnded: undefined, onSnapshot });
  }

  /**
   * Stops an actor of another node, after what it was sent before; calls back when it has ended, or was not there. What
   * a broken link may have lost is said again when there is one.
   */
  stop(node: NodeId, address: Address, onEnded: () => void): void {
    const life = parseLocalAddress(address)?.incarnation;
    if (this.#isGone(node, life)) this.#endLater(address, onEnded);
    else this.#add({ kind: 'watch', address, node, life, onEnded, onSnapshot: undefined, stop: 'wanted' });
  }

  /** What the other side answers. */
  receive(from: PeerIdentity, message: ActorMessage): void {
    if (message.t !== 'ended' && message.t !== 'snapshot') return;
    if (message.life !== this.#options.transport.self.incarnation) return;
    const observation = this.#open.get(message.id);
    if (observation && observation.node !== from.nodeId) return;
    if (message.t === 'snapshot') {
      if (observation) observation.onSnapshot?.(this.#options.courier.decode(message.snapshot));
      else this.#options.courier.signal(from.nodeId, { t: 'release', id: message.id });
      return;
    }
    if (message.isFull) {
      if (observation) this.#unheard.add(message.id);
      return;
    }
    this.#options.courier.signal(from.nodeId, { t: 'release', id: message.id });
    const problem = message.problem === undefined ? {} : { problem: message.problem };
    if (observation)
      this.#end(message.id, observation, {
        address: observation.address,
        reason: message.reason,
        ...problem,
      });
  }

  #isGone(node: NodeId, life: Incarnation | undefined): boolean {
    const member = this.#options.members.get(node);
    const linked = this.#options.transport.linked().find((peer) => peer.nodeId === node);
    if (!member && linked === undefined) return this.#knowsMembers;
    if (!member) return life !== undefined && linked!.incarnation > life;
    if (life !== undefined && member.incarnation > life) return true;
    return member.incarnation === life && (member.state === 'lost' || member.state === 'left');
  }

  /** Whether it has applied the log up to its own join, and so all that came before. Until then anybody may be a member. */
  get #knowsMembers(): boolean {
    const { nodeId, incarnation } = this.#options.transport.self;
    return this.#options.members.get(nodeId)?.incarnation === incarnation;
  }

  #endLater(address: Address, onEnded: (notice: Terminated) => void): () => void {
    let cancelled = false;
    this.#options.clock.nextTurn(() => {
      if (!cancelled) onEnded({ address, reason: 'unknown' });
    });
    return () => {
      cancelled = true;
    };
  }

  #add(observation: Observation): () => void {
    const { courier, limit } = this.#options;
    if (this.#open.size >= limit)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: 'The table of remote watches',
        size: this.#open.size,
        limit,
      });
    const id = courier.nextId();
    this.#open.set(id, observation);
    this.#request(id, observation);
    return () => {
      this.#unheard.delete(id);
      if (this.#open.delete(id)) courier.signal(observation.node, { t: 'release', id });
    };
  }

  /** Not being linked now is no failure: it is asked again when the link comes up. */
  #request(id: number, observation: Observation): void {
    const { kind, node, address } = observation;
    if (this.#options.courier.signal(node, { t: kind, id, to: address }) === 'full') this.#unheard.add(id);
    if (observation.stop) this.#askToStop(id, observation);
  }

  /** In the lane of the messages, and so behind those that it was sent. */
  #askToStop(id: number, observation: Observation): void {
    const { node, address } = observation;
    // Without a uid the address is that of whoever comes next as well, who is not meant.
    if (observation.stop === 'told' && parseLocalAddress(address)?.uid === undefined) return;
    const { courier } = this.#options;
    const outcome = courier.signal(node, { t: 'stop', id: courier.nextId(), to: address }, 'bulk');
    if (outcome === 'queued') observation.stop = 'told';
    if (outcome === 'full') this.#unheard.add(id);
  }

  #linkUp(peer: PeerIdentity): void {
    for (const [id, observation] of this.#open) {
      if (observation.node !== peer.nodeId) continue;
      if (observation.life !== undefined && observation.life < peer.incarnation)
        this.#nodeLost(id, observation);
      else this.#request(id, observation);
    }
  }

  #memberChanged(member: Member): void {
    if (member.nodeId === this.#options.transport.self.nodeId) return this.#judgeAll();
    const over = member.state === 'lost' || member.state === 'left';
    for (const [id, observation] of this.#open) {
      if (observation.node !== member.nodeId || observation.life === undefined) continue;
      if (observation.life < member.incarnation || (over && observation.life === member.incarnation))
        this.#nodeLost(id, observation);
    }
  }

  /** The members may be known only now. */
  #judgeAll(): void {
    for (const [id, observation] of this.#open) {
      const { node, life, address } = observation;
      if (!this.#isGone(node, life)) continue;
      const isKnown = this.#options.members.get(node) !== undefined;
      this.#end(id, observation, { address, reason: isKnown ? 'node-lost' : 'unknown' });
    }
  }

  #nodeLost(id: number, observation: Observation): void {
    this.#end(id, observation, { address: observation.address, reason: 'node-lost' });
  }

  #end(id: number, observation: Observation, notice: Terminated): void {
    this.#unheard.delete(id);
    this.#open.delete(id);
    observation.onEnded?.(notice);
  }
}
