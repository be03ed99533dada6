import { type PeerIdentity, TuttiError } from '@tutti/kernel';
import type { Courier, HandOverHandler } from '../cluster/courier.ts';
import type { Life, Membership } from '../cluster/membership.ts';
import type { HandOverMessage, Parcel } from '../cluster/parcel.ts';
import { parseEntityAddress, type ShardId, shardOf } from './shard-id.ts';
import { type EpochEnd, type ShardAt, type ShardMap, sameLife } from './shard-map.ts';

interface IncomingMailOptions {
  readonly self: Life;
  readonly courier: Courier;
  readonly shards: ShardMap;
  readonly membership: Membership;
  /** Whether one more parcel may be kept. */
  readonly hasRoom: () => boolean;
}

/** What came along with one shard. */
interface Taken {
  readonly epoch: number;
  readonly from: Life;
  readonly parcels: Parcel[];
  /** How many have come, with those that were refused here. */
  count: number;
  isWhole: boolean;
}

/**
 * The target's side of {@link OutgoingMail}: it keeps what comes along with a shard until the log says who has the shard.
 * Bounded by what may wait on this node. What does not fit, or does not come whole, stays with its owner.
 */
export class IncomingMail implements Pick<HandOverHandler, 'handed' | 'handedAll'> {
  readonly #options: IncomingMailOptions;
  readonly #taken = new Map<ShardId, Taken>();
  #size = 0;
  #stopped = false;

  constructor(options: IncomingMailOptions) {
    this.#options = options;
  }

  /** Parcels that are kept. */
  get size(): number {
    return this.#size;
  }

  handed(from: PeerIdentity, at: ShardAt, parcel: Parcel | undefined): void {
    if (this.#stopped || !this.#isOwners(from, at) || (parcel && this.#shardOf(parcel) !== at.shard)) return;
    let taken = this.#taken.get(at.shard);
    if (!taken) {
      const { nodeId, incarnation } = from;
      const { epoch } = at;
      taken = { epoch, from: { nodeId, incarnation }, parcels: [], count: 0, isWhole: false };
      this.#taken.set(at.shard, taken);
    }
    if (!isOf(taken, from, at) || !this.#options.hasRoom()) return;
    taken.count++;
    if (!parcel) return;
    taken.parcels.push(parcel);
    this.#size++;
  }

  handedAll(from: PeerIdentity, message: Extract<HandOverMessage, { t: 'handedAll' }>): void {
    const { id, shard, count } = message;
    const taken = this.#taken.get(shard);
    const isKept = taken !== undefined && isOf(taken, from, message) && taken.count === count;
    if (isKept) taken.isWhole = true;
    this.#options.courier.signal(from.nodeId, { t: 'kept', id, life: from.incarnation, isKept });
  }

  /**
   * The epoch has ended in which something of the shard came.
   * @param end How; undefined when that is not known, because the log went on without this node having seen it
   * @returns what is to be routed from here, in front of all that waits, oldest first
   */
  ended(shard: ShardId, owner: Life | undefined, end: EpochEnd | undefined): readonly Parcel[] {
    const taken = this.#taken.get(shard);
    if (!taken || (end ? end.epoch !== taken.epoch : this.#epochOf(shard) <= taken.epoch)) return [];
    const parcels = this.#forget(shard, taken);
    // Who handed it over has ended; nobody else has this.
    if (end?.how === 'assigned') return parcels;
    const isOurs = sameLife(owner, this.#options.self);
    if (end?.how === 'handed' && isOurs && sameLife(end.by, taken.from)) return parcels;
    // Otherwise it is still with who handed it over. Only if that took our word for it can nobody tell.
    if (!end && taken.isWhole) this.#refuse(parcels, 'this node does not know whether it was handed over');
    return [];
  }

  /** Keeps nothing any more. What an owner that lives has handed over is still with it. */
  stop(): void {
    this.#stopped = true;
    for (const [shard, taken] of this.#taken) {
      const parcels = this.#forget(shard, taken);
      if (!this.#options.membership.isAlive(taken.from)) this.#refuse(parcels, 'this node was stopped');
    }
  }

  #forget(shard: ShardId, { parcels }: Taken): readonly Parcel[] {
    this.#taken.delete(shard);
    this.#size -= parcels.length;
    return parcels;
  }

  #epochOf(shard: ShardId): number {
    return this.#options.shards.get(shard).epoch;
  }

  /** Whether it may own the shard in this epoch, as far as this node has applied the log. */
  #isOwners(from: PeerIdentity, { shard, epoch }: ShardAt): boolean {
    const known = this.#options.shards.get(shard);
    return known.epoch < epoch || (known.epoch === epoch && sameLife(known.owner, from));
  }

  #shardOf({ address }: Parcel): ShardId | undefined {
    const name = parseEntityAddress(address);
    const { size } = this.#options.shards;
    return name && size > 0 ? shardOf(name.kind, name.key, size) : undefined;
  }

  #refuse(parcels: readonly Parcel[], why: string): void {
    const { courier, self } = this.#options;
    for (const parcel of parcels) {
      const details = { node: self.nodeId, address: parcel.address, why };
      courier.refuse(parcel, new TuttiError('TUTTI_NODE_UNREACHABLE', details));
    }
  }
}

const isOf = (taken: Taken, from: PeerIdentity, { epoch }: ShardAt): boolean =>
  taken.epoch === epoch && sameLife(taken.from, from);
