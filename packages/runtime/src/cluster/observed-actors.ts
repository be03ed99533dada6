import type { Clock, Incarnation, Logger, NodeId, PeerIdentity, Timer, Transport } from '@tutti/kernel';
import { messageOf } from '@tutti/kernel';
import type { Ref, Terminated } from '../actor/ref.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import type { Courier } from './courier.ts';
import type { Members } from './member.ts';
import type { ActorMessage } from './parcel.ts';
import { encodeRefs } from './ref-codec.ts';
import { snapshotView } from './snapshot-view.ts';

interface Observed {
  readonly life: Incarnation;
  release(): void;
  /** Kept until the watcher has acknowledged it. */
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
  #size = 0;

  constructor(options: ObservedActorsOptions) {
    this.#options = options;
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
    const known = this.#peers.get(from.nodeId)?.get(id);
    if (known) {
      if (known.notice) this.#tell(from, id, known.notice);
      return;
    }
    if (this.#size >= this.#options.limit) {
      this.#tell(from, id, { address, reason: 'unknown', problem: 'the node is watched by too many' });
      return;
    }
    const observed: Observed = { life: from.incarnation, release: () => {}, notice: undefined };
    this.#put(from.nodeId, id, observed);
    observed.release = this.#ref(address).watch((notice) => {
      observed.notice = notice;
      this.#tell(from, id, notice);
    });
  }

  #tell(from: PeerIdentity, id: number, { reason, problem }: Terminated): void {
    const life = from.incarnation;
    this.#options.courier.signal(from.nodeId, {
      t: 'ended',
      id,
      life,
      reason,
      ...(problem === undefined ? {} : { problem }),
    });
  }

  #subscribe(from: PeerIdentity, id: number, address: string): void {
    if (this.#peers.get(from.nodeId)?.has(id) || this.#size >= this.#options.limit) return;
    const { clock, courier, logger, subscribeIntervalMs } = this.#options;
    let latest: unknown;
    let timer: Timer | undefined;
    let sentAt = Number.NEGATIVE_INFINITY;
    const flush = () => {
      timer = undefined;
      sentAt = clock.now();
      try {
        const snapshot = encodeRefs(snapshotView(latest));
        courier.signal(from.nodeId, { t: 'snapshot', id, life: from.incarnation, snapshot }, 'bulk');
      } catch (thrown) {
        logger.warn({ address, problem: messageOf(thrown) }, 'a snapshot cannot cross the wire');
      }
    };
    const end = this.#ref(address).subscribe((snapshot) => {
      latest = snapshot;
      timer ??= clock.setTimer(Math.max(0, sentAt + subscribeIntervalMs - clock.now()), flush);
    });
    const release = () => {
      end();
      if (timer) clock.clearTimer(timer);
    };
    this.#put(from.nodeId, id, { life: from.incarnation, release, notice: undefined });
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

  #put(node: NodeId, id: number, observed: Observed): void {
    let table = this.#peers.get(node);
    if (!table) this.#peers.set(node, (table = new Map()));
    table.set(id, observed);
    this.#size++;
  }

  #release(node: NodeId, id: number): void {
    const table = this.#peers.get(node);
    const observed = table?.get(id);
    if (!table || !observed) return;
    table.delete(id);
    this.#size--;
    observed.release();
  }

  /** Drops what lives of a node up to `lastLife` had asked for. */
  #forget(node: NodeId, lastLife: Incarnation): void {
    for (const [id, observed] of this.#peers.get(node) ?? [])
      if (observed.life <= lastLife) this.#release(node, id);
  }
}
