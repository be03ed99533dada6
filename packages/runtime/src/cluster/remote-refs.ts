import { type Incarnation, type Logger, type NodeId, type Transport, TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import { parseLocalAddress } from '../actor/address.ts';
import type { AskTable } from '../actor/ask.ts';
import { guarded } from '../actor/cell-listeners.ts';
import {
  type Address,
  type AskOptions,
  nodeOf,
  type Ref,
  type SnapshotListener,
  type Terminated,
} from '../actor/ref.ts';
import type { AddressResolver, ReplyTarget } from '../system/actor-system.ts';
import type { Courier } from './courier.ts';
import type { Members } from './member.ts';
import type { Parcel } from './parcel.ts';
import type { RemoteObservers } from './remote-observers.ts';

/** Of addresses that are malformed. */
const NOBODY = -1 as Incarnation;

interface RemoteRefsOptions {
  readonly courier: Courier;
  readonly observers: RemoteObservers;
  readonly asks: AskTable;
  readonly members: Members;
  readonly transport: Transport;
  readonly logger: Logger;
}

/** Makes refs to the actors of other nodes: `local:<node>/<incarnation>/<path>`. */
export class RemoteRefs implements AddressResolver {
  readonly #options: RemoteRefsOptions;
  /** The life that each node had when its link last came up; as many as there are peers. */
  readonly #lastLives = new Map<NodeId, Incarnation>();

  constructor(options: RemoteRefsOptions) {
    this.#options = options;
    options.transport.onLink({
      linkUp: ({ nodeId, incarnation }) => void this.#lastLives.set(nodeId, incarnation),
      linkDown: () => {},
    });
  }

  matches(address: Address): boolean {
    const node = nodeOf(address);
    return node !== undefined && node !== this.#options.transport.self.nodeId;
  }

  ref(address: Address): Ref {
    return new RemoteRef(address, nodeOf(address)!, this, this.#options);
  }

  /** The latest life of a node that the log or a link has shown. */
  lastLife(node: NodeId): number {
    return Math.max(this.#options.members.get(node)?.incarnation ?? 0, this.#lastLives.get(node) ?? 0);
  }
}

class RemoteRef implements Ref {
  readonly address: Address;
  readonly #node: NodeId;
  /** The life that the address is of; none when it is malformed, so that nobody answers to it. */
  readonly #life: Incarnation;
  readonly #refs: RemoteRefs;
  readonly #options: RemoteRefsOptions;

  constructor(address: Address, node: NodeId, refs: RemoteRefs, options: RemoteRefsOptions) {
    this.address = address;
    this.#node = node;
    this.#life = parseLocalAddress(address)?.incarnation ?? NOBODY;
    this.#refs = refs;
    this.#options = options;
  }

  send(event: EventObject): void {
    this.#post(event, undefined, Number.POSITIVE_INFINITY);
  }

  ask<Reply>(event: EventObject, options: AskOptions = {}): Promise<Reply> {
    const { asks } = this.#options;
    return asks.ask<Reply>(this.address, event, options, ({ target }) =>
      this.#post(event, target, target.deadline ?? Infinity),
    );
  }

  watch(listener: (notice: Terminated) => void): () => void {
    const { observers, logger } = this.#options;
    const told = guarded(listener, this.address, logger, 'a watcher threw');
    return observers.watch(this.#node, this.address, told);
  }

  subscribe(listener: SnapshotListener<unknown>): () => void {
    const { observers, logger } = this.#options;
    const told = guarded(listener, this.address, logger, 'a subscriber threw');
    return observers.subscribe(this.#node, this.address, told);
  }

  /** Resolves as well when the node or the actor is gone already. Without a link to a node that lives it waits for one. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.observers.stop(this.#node, this.address, () => resolve());
    });
  }

  #post(event: EventObject, target: ReplyTarget | undefined, deadline: number): void {
    const { courier } = this.#options;
    const parcel: Parcel = { address: this.address, event, target, deadline, hops: 0, epoch: 0 };
    if (this.#isPast()) {
      courier.bury(
        parcel,
        'stale-incarnation',
        new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: this.address }),
      );
      return;
    }
    let outcome: string;
    try {
      outcome = courier.post({ nodeId: this.#node, incarnation: this.#life }, parcel);
    } catch (thrown) {
      courier.refuse(
        parcel,
        thrown instanceof TuttiError ? thrown : this.#unreachable('the event cannot be encoded', true),
      );
      return;
    }
    if (outcome === 'no-link')
      courier.refuse(parcel, this.#unreachable('there is no link, or the cluster has given it up'));
    if (outcome === 'full') courier.refuse(parcel, this.#unreachable('the link is full'));
  }

  #unreachable(why: string, isFinal = false): TuttiError {
    const details = { node: this.#node, address: this.address, why, ...(isFinal ? { isFinal } : {}) };
    return new TuttiError('TUTTI_NODE_UNREACHABLE', details);
  }

  /** A later life of the node is known, by the log or by a link, so nobody there answers to this address. */
  #isPast(): boolean {
    return this.#refs.lastLife(this.#node) > this.#life;
  }
}
