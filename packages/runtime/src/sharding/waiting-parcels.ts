import { type Clock, type Timer, TuttiError } from '@tutti/kernel';
import type { Parcel } from '../cluster/parcel.ts';
import type { ShardId } from './shard-id.ts';

interface Waiting {
  readonly parcel: Parcel;
  readonly until: number;
}

interface WaitingParcelsOptions {
  readonly clock: Clock;
  /** Most parcels that wait at one time, all shards together. */
  readonly limit: number;
  readonly waitMs: number;
  /** Ends a parcel that could not be kept, or not any longer. */
  readonly refuse: (parcel: Parcel, error: TuttiError) => void;
}

/** Parcels whose shard has no reachable owner now: bounded in number and in time, in order per shard. */
export class WaitingParcels {
  readonly #options: WaitingParcelsOptions;
  readonly #shards = new Map<ShardId, Waiting[]>();
  readonly #draining = new Set<ShardId>();
  #size = 0;
  #sweep: Timer | undefined;

  constructor(options: WaitingParcelsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  has(shard: ShardId): boolean {
    return this.#shards.has(shard);
  }

  shards(): readonly ShardId[] {
    return [...this.#shards.keys()];
  }

  add(shard: ShardId, parcel: Parcel): void {
    const { clock, limit, waitMs, refuse } = this.#options;
    if (this.#size >= limit) {
      refuse(
        parcel,
        new TuttiError('TUTTI_OVERLOADED', { what: 'The buffer of this node', size: this.#size, limit }),
      );
      return;
    }
    const waiting: Waiting = { parcel, until: Math.min(parcel.deadline, clock.now() + waitMs) };
    const list = this.#shards.get(shard);
    if (list) list.push(waiting);
    else this.#shards.set(shard, [waiting]);
    this.#size++;
    this.#scheduleSweep();
  }

  /** Offers a shard's parcels in order, until one is not taken. */
  drain(shard: ShardId, take: (parcel: Parcel) => boolean): void {
    // Taking one may end in here again; the outer round then goes on with what is left.
    if (this.#draining.has(shard)) return;
    this.#draining.add(shard);
    for (let list = this.#shards.get(shard); list && list.length > 0; list = this.#shards.get(shard)) {
      if (!take(list[0]!.parcel)) break;
      list.shift();
      this.#size--;
      if (list.length === 0) this.#shards.delete(shard);
    }
    this.#draining.delete(shard);
  }

  takeAll(shard: ShardId): readonly Parcel[] {
    const list = this.#shards.get(shard) ?? [];
    this.#shards.delete(shard);
    this.#size -= list.length;
    return list.map(({ parcel }) => parcel);
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
    for (const [shard, list] of this.#shards) {
      const over = list.filter(({ until }) => until <= now);
      if (over.length === 0) continue;
      const left = list.filter(({ until }) => until > now);
      if (left.length > 0) this.#shards.set(shard, left);
      else this.#shards.delete(shard);
      this.#size -= over.length;
      for (const { parcel } of over) {
        const details = {
          node: '(none)',
          address: parcel.address,
          why: 'its shard had no owner for too long',
        };
        this.#options.refuse(parcel, new TuttiError('TUTTI_NODE_UNREACHABLE', details));
      }
    }
  }
}
