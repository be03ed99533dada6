import type {
  Clock,
  Incarnation,
  Lane,
  Logger,
  NodeId,
  PeerIdentity,
  SendOutcome,
  Transport,
} from '@tutti/kernel';
import { messageOf } from '@tutti/kernel';
import { nodeOf, type Ref, type Terminated } from '../actor/ref.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import type { Courier } from './courier.ts';
import type { Members } from './member.ts';
import type { ActorMessage } from './parcel.ts';
import { SnapshotStream } from './snapshot-stream.ts';
import { encodedView } from './snapshot-view.ts';
import { TryAgain } from './try-again.ts';
import { speaks } from './wire-version.ts';

/** From this wire format on a node that has no room to follow one more actor for another one can say so. */
const IS_FULL_VERSION = 2;

interface Observed {
  readonly id: number;
  /** Who watches or subscribes. */
  readonly by: PeerIdentity;
  /** Of a subscription: what it shows. */
  readonly stream: SnapshotStream | undefined;
  release(): void;
  /** Kept until it has been acknowledged. */
  notice: Terminated | undefined;
}

interface ObservedActorsOptions {
  readonly system: ActorSystem;
  readonly courier: Courier;
  readonly transport: Transport;
  readonly members: Members;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limit: number;
  readonly subscribeIntervalMs: number;
}

/** The other half of {@link RemoteObservers}: the actors of this node that others watch, subscribe to, or stop. */
export class ObservedActors {
  readonly #options: ObservedActorsOptions;
  readonly #peers = new Map<NodeId, Map<number, Observed>>();
  /** Whose notice found no room in the link. */
  readonly #unsaid: TryAgain<Observed>;
  #size = 0;

  constructor(options: ObservedActorsOptions) {
    this.#options = options;
    this.#unsaid = new TryAgain(options.clock, (observed) => this.#tell(observed));
    options.members.onChange((member) => {
      if (member.state === 'lost' || member.state === 'left') this.#forget(member.nodeId, member.incarnation);
    });
    options.transport.onLink({
      linkUp: (peer) => this.#forget(peer.nodeId, (peer.incarnation - 1) as Incarnation),
      linkDown: () => {},
    });
  }

  get size(): number {
    return this.#size;
  }

  receive(from: PeerIdentity, message: ActorMessage): void {
    if (message.t === 'watch') this.#watch(from, message.id, message.to);
    else if (message.t === 'subscribe') this.#subscribe(from, message.id, message.to);
    else if (message.t === 'stop') this.#stop(message.to);
    else if (message.t === 'release') this.#release(from.nodeId, message.id);
  }

  #watch(from: PeerIdentity, id: number, address: string): void {
    if (!this.#isNew(from, id, 'watch')) return;
    const observed: Observed = { id, by: from, stream: undefined, release: () => {}, notice: undefined };
    this.#put(observed);
    observed.release = this.#ref(address).watch((notice) => this.#ended(observed, notice));
  }

  #subscribe(from: PeerIdentity, id: number, address: string): void {
    if (!this.#isNew(from, id, 'subscribe')) return;
    const { clock, subscribeIntervalMs: intervalMs } = this.#options;
    let isTold = false;
    const unshown = (thrown: unknown) => {
      if (isTold) return; // what cannot be shown once seldom can the next time, many times a second
      isTold = true;
      this.#options.logger.warn({ address, problem: messageOf(thrown) }, 'a snapshot cannot cross the wire');
    };
    const send = (snapshot: unknown) => this.#show(from, id, snapshot, unshown);
    const stream = new SnapshotStream({ clock, intervalMs, send });
    const observed: Observed = { id, by: from, stream, release: () => {}, notice: undefined };
    this.#put(observed);
    const ref = this.#ref(address);
    const unsubscribe = ref.subscribe((snapshot) => stream.next(snapshot));
    // An entity may be there again; what lives once has shown all that it will.
    const unwatch = nodeOf(address) ? ref.watch((notice) => this.#ended(observed, notice)) : () => {};
    observed.release = () => {
      unsubscribe();
      unwatch();
      stream.end();
    };
  }

  /** One that is known is asked for again since a link was broken, and is told again what that may have lost. */
  #isNew(from: PeerIdentity, id: number, kind: 'watch' | 'subscribe'): boolean {
    const known = this.#peers.get(from.nodeId)?.get(id);
    if (known) {
      known.stream?.repeat();
      this.#tell(known);
      return false;
    }
    const hasRoom = this.#size < this.#options.limit;
    if (!hasRoom) this.#refuse(from, id, kind);
    return hasRoom;
  }

  #refuse(from: PeerIdentity, id: number, kind: 'watch' | 'subscribe'): void {
    const problem = 'the node is watched by too many';
    const ended = { t: 'ended' as const, id, life: from.incarnation, reason: 'unknown' as const, problem };
    if (speaks(this.#options.transport, from.nodeId, IS_FULL_VERSION))
      this.#send(from, { ...ended, isFull: true });
    // All that one of the format before understands is the end: that a watch is as good as over it must not miss.
    else if (kind === 'watch') this.#send(from, ended);
  }

  #show(from: PeerIdentity, id: number, latest: unknown, unshown: (thrown: unknown) => void): SendOutcome {
    try {
      const message = { t: 'snapshot' as const, id, life: from.incarnation, snapshot: encodedView(latest) };
      return this.#send(from, message, 'bulk');
    } catch (thrown) {
      unshown(thrown);
      return 'queued';
    }
  }

  #ended(observed: Observed, notice: Terminated): void {
    observed.notice = notice;
    this.#tell(observed);
  }

  /** Of a subscription the end comes behind the last snapshot. */
  #tell(observed: Observed): void {
    const { id, by, stream, notice } = observed;
    if (!notice) return;
    stream?.flush();
    const { reason, problem } = notice;
    const message = { t: 'ended' as const, id, life: by.incarnation, reason };
    const ended = problem === undefined ? message : { ...message, problem };
    if (this.#send(by, ended, stream ? 'bulk' : 'control') === 'full') this.#unsaid.add(observed);
  }

  #send(to: PeerIdentity, message: ActorMessage, lane?: Lane): SendOutcome {
    return this.#options.courier.signal(to.nodeId, message, lane);
  }

  /** Not answered: whoever waits for the end watches it. */
  #stop(address: string): void {
    this.#ref(address)
      .stop()
      .catch((thrown: unknown) =>
        this.#options.logger.warn({ address, problem: messageOf(thrown) }, 'an actor could not be stopped'),
      );
  }

  #ref(address: string): Ref {
    return this.#options.system.ref(address);
  }

  #put(observed: Observed): void {
    const { by, id } = observed;
    let table = this.#peers.get(by.nodeId);
    if (!table) this.#peers.set(by.nodeId, (table = new Map()));
    table.set(id, observed);
    this.#size++;
  }

  #release(node: NodeId, id: number): void {
    const table = this.#peers.get(node);
    const observed = table?.get(id);
    if (!table || !observed) return;
    table.delete(id);
    this.#size--;
    this.#unsaid.delete(observed);
    observed.release();
  }

  /** Drops what lives of a node up to `lastLife` had asked for. */
  #forget(node: NodeId, lastLife: Incarnation): void {
    for (const [id, observed] of this.#peers.get(node) ?? [])
      if (observed.by.incarnation <= lastLife) this.#release(node, id);
  }
}
