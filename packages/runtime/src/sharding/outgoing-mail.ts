import {
  type Clock,
  isTuttiError,
  messageOf,
  type PeerIdentity,
  type Transport,
  TuttiError,
} from '@tutti/kernel';
import type { Courier } from '../cluster/courier.ts';
import type { Life, Membership } from '../cluster/membership.ts';
import { HAND_OVER_VERSION, type HandOverMessage, type Parcel } from '../cluster/parcel.ts';
import { speaks } from '../cluster/wire-version.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import type { ShardId } from './shard-id.ts';
import { type EpochEnd, type ShardAt, type ShardMap, sameLife } from './shard-map.ts';

/** How long the target may take to say that it keeps everything. Then the shard goes without its mail, which follows. */
const RECEIPT_MS = 1_000;
const UNCERTAIN = 'it was to go along with its shard, and nobody knows whether it did';

interface OutgoingMailOptions {
  readonly self: Life;
  readonly shards: ShardMap;
  readonly membership: Membership;
  readonly courier: Courier;
  readonly transport: Transport;
  readonly clock: Clock;
}

/** What went along with one shard. */
interface Given {
  readonly epoch: number;
  readonly to: Life;
  readonly id: number;
  /** As they are to be routed from here, should the target not get the shard. */
  readonly parcels: Parcel[];
  readonly asks: HandedAsk[];
  /** What the target has said, or its silence; the first word stands. */
  isKept: boolean | undefined;
  readonly answer: (isKept: boolean) => void;
}

/**
 * Who waits for the answer to an ask that was handed over. A failure is passed on only when it is certain that the ask is
 * the target's: the target may be gone, and the ask then goes elsewhere from here.
 */
class HandedAsk implements ReplyTarget {
  readonly asker?: PeerIdentity;
  readonly #inner: ReplyTarget;
  #isTheirs = false;
  #failure: Error | undefined;

  constructor(inner: ReplyTarget) {
    this.#inner = inner;
    if (inner.asker) this.asker = inner.asker;
  }

  reply(value: unknown): void {
    this.#inner.reply(value);
  }

  fail(error: Error): void {
    if (this.#isTheirs) this.#inner.fail(error);
    else this.#failure = error;
  }

  isTheirs(): void {
    this.#isTheirs = true;
    if (this.#failure) this.#inner.fail(this.#failure);
  }
}

/**
 * The owner's side of handing over what waits for a shard: what its entities had put off or not come to, and what others
 * sent before they knew. The target keeps it in front of all that it gets later, so that the order of each sender is kept.
 * It must have said so before the owner lets go, since from then on every node sends there. What it has, it delivers only
 * when the log says that it was handed the shard with its mail; until then a copy stays here. So none of it is delivered
 * twice, and none is lost with a target that does not come to own the shard.
 */
export class OutgoingMail {
  readonly #options: OutgoingMailOptions;
  readonly #given = new Map<ShardId, Given>();

  constructor(options: OutgoingMailOptions) {
    this.#options = options;
    options.transport.onLink({
      linkUp: () => {},
      linkDown: (peer) => {
        for (const { to, answer } of this.#given.values()) if (sameLife(to, peer)) answer(false);
      },
    });
  }

  /** Parcels of which there is a copy here. */
  get size(): number {
    let size = 0;
    for (const { parcels } of this.#given.values()) size += parcels.length;
    return size;
  }

  /** Whether this life can be given anything, and understands it. */
  canGive(life: Life): boolean {
    const { courier, transport } = this.#options;
    return courier.isLinked(life) && speaks(transport, life.nodeId, HAND_OVER_VERSION);
  }

  /** Gives parcels of a shard to the life that it goes to; resolves with whether that keeps them all. */
  give(at: ShardAt, to: Life, parcels: readonly Parcel[]): Promise<boolean> {
    const { courier, clock } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.setTimer(RECEIPT_MS, () => given.answer(false));
      const given: Given = {
        epoch: at.epoch,
        to,
        id: courier.nextId(),
        parcels: [],
        asks: [],
        isKept: undefined,
        answer: (isKept) => {
          clock.clearTimer(timer);
          given.isKept ??= isKept;
          resolve(given.isKept);
        },
      };
      this.#given.set(at.shard, given);
      if (!this.#send(at, given, parcels)) given.answer(false);
    });
  }

  /** The target has answered. */
  kept(from: PeerIdentity, { id, life, isKept }: Extract<HandOverMessage, { t: 'kept' }>): void {
    if (life !== this.#options.self.incarnation) return;
    for (const given of this.#given.values())
      if (given.id === id && sameLife(given.to, from)) given.answer(isKept);
  }

  /**
   * The epoch has ended in which something of the shard was given away.
   * @param end How; undefined when that is not known, because the log went on without this node having seen it
   * @returns what is to be routed from here after all, oldest first
   */
  ended(shard: ShardId, owner: Life | undefined, end: EpochEnd | undefined): readonly Parcel[] {
    const { shards, membership, self, courier } = this.#options;
    const given = this.#given.get(shard);
    if (!given || (end ? end.epoch !== given.epoch : shards.get(shard).epoch <= given.epoch)) return [];
    this.#given.delete(shard);
    given.answer(false);
    const { to, parcels, asks, isKept } = given;
    const letGo = isKept ? 'handed' : 'released';
    const how = end?.how ?? (membership.isAlive(self) ? letGo : 'assigned');
    // Once this node was given up, the target may deliver what it has, whoever gets the shard.
    const isTheirs = how === 'assigned' ? isKept : how === 'handed' && sameLife(owner, to);
    if (isTheirs) {
      for (const ask of asks) ask.isTheirs();
      return [];
    }
    courier.withdraw(to, new Set(asks));
    if (how !== 'assigned') return parcels;
    for (const parcel of parcels) this.#refuse(parcel, to, UNCERTAIN);
    return [];
  }

  /** Routes nothing more: what the target keeps is its own, the rest is refused. */
  stop(): void {
    for (const [shard, given] of this.#given) {
      given.answer(false);
      this.#given.delete(shard);
      if (given.isKept) for (const ask of given.asks) ask.isTheirs();
      else {
        this.#options.courier.withdraw(given.to, new Set(given.asks));
        for (const parcel of given.parcels) this.#refuse(parcel, given.to, UNCERTAIN);
      }
    }
  }

  /** False when the link does not take them all. */
  #send(at: ShardAt, given: Given, parcels: readonly Parcel[]): boolean {
    const { courier } = this.#options;
    const { to, id } = given;
    let isTaken = true;
    let count = 0;
    for (const parcel of parcels) {
      const target = parcel.target && new HandedAsk(parcel.target);
      try {
        const copy = { ...parcel, target, epoch: at.epoch, hops: parcel.hops + 1 };
        isTaken &&= courier.post(to, copy, at) === 'queued';
      } catch (thrown) {
        // It cannot be encoded, so no other node will ever get it.
        if (isTuttiError(thrown)) courier.refuse(parcel, thrown);
        else this.#refuse(parcel, to, messageOf(thrown), true);
        continue;
      }
      count++;
      given.parcels.push(parcel);
      if (target) given.asks.push(target);
    }
    const { shard, epoch } = at;
    const all: HandOverMessage = { t: 'handedAll', id, shard, epoch, count };
    // In the lane of the parcels, so that it comes behind them.
    return isTaken && courier.signal(to.nodeId, all, 'bulk') === 'queued';
  }

  #refuse(parcel: Parcel, { nodeId: node }: Life, why: string, isFinal = false): void {
    const details = { node, address: parcel.address, why, ...(isFinal ? { isFinal } : {}) };
    this.#options.courier.refuse(parcel, new TuttiError('TUTTI_NODE_UNREACHABLE', details));
  }
}
