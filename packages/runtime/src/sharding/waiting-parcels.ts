import { type Clock, type Timer, TuttiError } from '@tutti/kernel';
import type { Address } from '../actor/ref.ts';
import type { Parcel } from '../cluster/parcel.ts';
import type { ShardId } from './shard-id.ts';

interface Waiting {
  readonly parcel: Parcel;
  readonly until: number;
}

interface WaitingParcelsOptions {
  readonly clock: Clock;
  /** Most parcels that wait at one time, all shards together, and with those that {@link elsewhere} counts. */
  readonly limit: number;
  /** Parcels that may come to wait here: they have their place already. */
  readonly elsewhere: () => number;
  readonly waitMs: number;
  /** Ends a parcel that could not be kept, or not any longer. */
  readonly refuse: (parcel: Parcel, error: TuttiError) => void;
}

/**
 * Parcels that cannot be handed on now, because their shard has no reachable owner or their entity is just stopping:
 * bounded in number and in time, in order for each entity. One that takes long to stop holds up nobody else.
 */
export class WaitingParcels {
  readonly #options: WaitingParcelsOptions;
  readonly #shards = new Map<ShardId, Map<Address, Waiting[]>>();
  readonly #draining = new Set<ShardId>();
  #size = 0;
  #sweep: Timer | undefined;

  constructor(options: WaitingParcelsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return this.#size + this.#options.elsewhere() < this.#options.limit;
  }

  /** Whether something waits for the shard; with an address, for that entity. */
  has(shard: ShardId, address?: Address): boolean {
    const lists = this.#shards.get(shard);
    return lists !== undefined && (address === undefined || lists.has(address));
  }

  shards(): readonly ShardId[] {
    return [...this.#shards.keys()];
  }

  *parcels(): IterableIterator<Parcel> {
    for (const lists of this.#shards.values())
      for (const list of lists.values()) for (const { parcel } of list) yield parcel;
  }

  add(shard: ShardId, parcel: Parcel): void {
    const { clock, limit, waitMs, refuse, elsewhere } = this.#options;
    if (!this.hasRoom) {
      const details = { what: 'The buffer of this node', size: this.#size + elsewhere(), limit };
      return refuse(parcel, new TuttiError('TUTTI_OVERLOADED', details));
    }
    const waiting: Waiting = { parcel, until: Math.min(parcel.deadline, clock.now() + waitMs) };
    let lists = this.#shards.get(shard);
    if (!lists) this.#shards.set(shard, (lists = new Map()));
    const list = lists.get(parcel.address);
    if (list) list.push(waiting);
    else lists.set(parcel.address, [waiting]);
    this.#size++;
    this.#scheduleSweep();
  }

  /** Keeps parcels that were handed on already and have come back, in front of those that wait for the same entities. */
  putBack(shard: ShardId, parcels: readonly Parcel[]): void {
    for (const [address, older] of Map.groupBy(parcels, (parcel) => parcel.address)) {
      const list = this.#shards.get(shard)?.get(address);
      const since = list?.splice(0) ?? [];
      for (const parcel of older) this.add(shard, parcel);
      list?.push(...since);
    }
  }

  /** Whether one of those that wait for a shard is like this. */
  some(shard: ShardId, isLikeThis: (parcel: Parcel) => boolean): boolean {
    for (const list of this.#shards.get(shard)?.values() ?? [])
      if (list.some(({ parcel }) => isLikeThis(parcel))) return true;
    return false;
  }

  /** Offers the parcels of a shard: those of each entity in order, until one is not taken. */
  drain(shard: ShardId, take: (parcel: Parcel) => boolean): void {
    const lists = this.#shards.get(shard);
    // Taking one may end in here again; the outer round then goes on with what is left.
    if (!lists || this.#draining.has(shard)) return;
    this.#draining.add(shard);
    for (const [address, list] of lists) {
      // It stays in its place while it is offered, so that what comes meanwhile gets behind it.
      while (list.length > 0 && take(list[0]!.parcel)) {
        list.shift();
        this.#size--;
      }
      if (list.length === 0) lists.delete(address);
    }
    if (lists.size === 0) this.#shards.delete(shard);
    this.#draining.delete(shard);
  }

  takeAll(shard: ShardId): readonly Parcel[] {
    const lists = [...(this.#shards.get(shard)?.values() ?? [])];
    const parcels = lists.flatMap((list) => list.splice(0).map(({ parcel }) => parcel));
    this.#shards.delete(shard);
    this.#size -= parcels.length;
    return parcels;
  }

  /** Refuses all. */
  clear(): void {
    if (this.#sweep) this.#options.clock.clearTimer(this.#sweep);
    this.#sweep = undefined;
    for (const shard of this.shards())
      for (const parcel of this.takeAll(shard))
        this.#options.refuse(parcel, new TuttiError('TUTTI_CLOSED', { what: 'This node' }));
  }

  #scheduleSweep(): void {
    const { clock, waitMs } = this.#options;
    this.#sweep ??= clock.setTimer(Math.max(1, waitMs / 10), () => {
      this.#sweep = undefined;
      this.#expire(clock.now());
      if (this.#size > 0) this.#scheduleSweep();
    });
  }

  #expire(now: number): void {
    const expired: Parcel[] = [];
    for (const [shard, lists] of this.#shards) {
      for (const [address, list] of lists) {
        const left = list.filter(({ until }) => until > now);
        if (left.length === list.length) continue;
        expired.push(...list.flatMap(({ parcel, until }) => (until > now ? [] : [parcel])));
        if (left.length > 0) lists.set(address, left);
        else lists.delete(address);
      }
      if (lists.size === 0) this.#shards.delete(shard);
    }
    this.#size -= expired.length;
    for (const parcel of expired) {
      const { address } = parcel;
      const why = 'its shard had no owner, or its entity was stopping, for too long';
      this.#options.refuse(
        parcel,
        new TuttiError('TUTTI_NODE_UNREACHABLE', { node: '(none)', address, why }),
      );
    }
  }
}
