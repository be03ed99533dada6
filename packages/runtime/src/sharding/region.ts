import type { Consensus } from '@tutti/consensus';
import {
  type Clock,
  isTuttiError,
  type Logger,
  messageOf,
  type NodeId,
  type Timer,
  type Transport,
  TuttiError,
} from '@tutti/kernel';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import type { Courier } from '../cluster/courier.ts';
import type { Life, Membership } from '../cluster/membership.ts';
import type { Parcel } from '../cluster/parcel.ts';
import type { Awakener } from './awakener.ts';
import type { EntityHost } from './entity-host.ts';
import { type EntityName, parseEntityAddress, type ShardId, shardOf } from './shard-id.ts';
import { SHARD_MAP, type ShardAt, type ShardCommand, type ShardMap, sameLife } from './shard-map.ts';
import { WaitingParcels } from './waiting-parcels.ts';

/** How long a singleton that has ended rests before it is started again; a message starts it sooner. */
const SINGLETON_RESTART_MS = 1_000;
/** How long to wait before telling the cluster once more that shards have been released. */
const RETRY_MS = 200;

interface RegionOptions {
  readonly self: Life;
  readonly consensus: Consensus;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: ClusterConfig;
  readonly shards: ShardMap;
  readonly membership: Membership;
  readonly courier: Courier;
  readonly host: EntityHost;
  readonly awakener: Awakener;
}

/**
 * Brings each message to the node that owns its entity, and hands this node's shards over when the map says so. While
 * a shard is on its way from one owner to the next, every sender keeps its messages; they follow in order once the
 * map names the new owner.
 */
export class Region {
  readonly #options: RegionOptions;
  readonly #waiting: WaitingParcels;
  /** Shards that this node hands over: still taking messages, or already letting go. */
  readonly #releasing = new Map<ShardId, 'settling' | 'stopping'>();
  #released: ShardAt[] = [];
  #retry: Timer | undefined;
  /** Whether this node has applied the log as far as its own joining: what it knows before is a map of the past. */
  #hasJoined = false;
  #stopped = false;

  constructor(options: RegionOptions) {
    this.#options = options;
    const { clock, config, courier, consensus, shards, transport } = options;
    this.#waiting = new WaitingParcels({
      clock,
      limit: config.bufferMax,
      waitMs: config.bufferMs,
      refuse: (parcel, error) => courier.refuse(parcel, error),
    });
    consensus.watch(SHARD_MAP, {
      applied: (_, outcome) => {
        if (!isTuttiError(outcome))
          for (const shard of outcome as readonly ShardId[]) this.#shardChanged(shard);
      },
      restored: () => this.refresh(),
    });
    transport.onLink({
      linkUp: ({ nodeId }) => this.#flushWhere((shard) => shards.get(shard).owner?.nodeId === nodeId),
      linkDown: () => {},
    });
  }

  /** Messages that wait here for an owner. */
  get buffered(): number {
    return this.#waiting.size;
  }

  /** Of those, the asks that came from another node which waits for the answer, see `Courier.countRelayed`. */
  get relayedAsks(): number {
    return this.#options.courier.countRelayed(this.#waiting.parcels());
  }

  /** Looks at every shard anew. */
  refresh(): void {
    for (let shard = 0; shard < this.#options.shards.size; shard++) this.#shardChanged(shard);
  }

  /** A member came or went: what waited for an owner that lives may go on, what ran for one that does not is fenced. */
  membersChanged(): void {
    if (!this.#options.membership.isAlive(this.#options.self)) this.refresh();
    else this.#flushWhere(() => true);
  }

  /** The node that owns an entity's shard, by the map as this node has it. */
  ownerOf({ kind, key }: EntityName): NodeId | undefined {
    const { shards } = this.#options;
    return shards.size === 0 ? undefined : shards.get(shardOf(kind, key, shards.size)).owner?.nodeId;
  }

  /** Routes a parcel from here or from another node. */
  route(parcel: Parcel): void {
    const { shards, courier } = this.#options;
    const name = parseEntityAddress(parcel.address);
    if (!name) {
      courier.bury(
        parcel,
        'unknown-actor',
        new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: parcel.address }),
      );
      return;
    }
    const shard = shards.size === 0 ? -1 : shardOf(name.kind, name.key, shards.size);
    // Behind what waits for the same entity already, so that the order of each sender is kept.
    if (this.#waiting.has(shard, parcel.address) || !this.#tryRoute(shard, parcel))
      this.#waiting.add(shard, parcel);
  }

  /** Starts an entity that nobody has sent anything, if this node still may. */
  start(name: EntityName): void {
    const { shards, host } = this.#options;
    const shard = shardOf(name.kind, name.key, Math.max(1, shards.size));
    if (!this.#mayRun(shard)) return;
    if (!host.start(name, shard, shards.get(shard).epoch)) this.#options.awakener.asleep(shard, name, true);
  }

  /** An activation has ended: what it left over, and after that what waited for its end, may start the next. */
  activationEnded(
    shard: ShardId,
    name: EntityName,
    hasFailed: boolean,
    leftOver: readonly Parcel[] = [],
  ): void {
    this.#options.awakener.asleep(shard, name, hasFailed);
    this.#waiting.putBack(shard, leftOver);
    if (this.#stopped) this.#waiting.clear();
    else this.#flush(shard);
    if (!this.#options.host.isSingleton(name)) return;
    // Not at once: one that fails whenever it starts must not keep the node busy with starting it.
    this.#options.clock.setTimer(SINGLETON_RESTART_MS, () => {
      if (this.#mayRun(shard))
        this.#options.host.startSingletons(shard, this.#options.shards.get(shard).epoch);
    });
  }

  /** Takes nothing in and hands nothing on any more; what waits is refused. */
  stop(): void {
    this.#stopped = true;
    if (this.#retry) this.#options.clock.clearTimer(this.#retry);
    this.#options.awakener.stop();
    this.#waiting.clear();
  }

  #joined(): boolean {
    this.#hasJoined = this.#options.membership.isAlive(this.#options.self);
    return this.#hasJoined;
  }

  #isOwner(shard: ShardId): boolean {
    const { shards, self } = this.#options;
    return shards.isOwnedBy(self, { shard, epoch: shards.get(shard).epoch });
  }

  #mayRun(shard: ShardId): boolean {
    return !this.#stopped && this.#isOwner(shard) && this.#options.shards.get(shard).target === undefined;
  }

  /** False when it has to wait. */
  #tryRoute(shard: ShardId, parcel: Parcel): boolean {
    if (this.#stopped) {
      this.#options.courier.refuse(parcel, new TuttiError('TUTTI_CLOSED', { what: 'This node' }));
      return true;
    }
    const { shards, membership, host } = this.#options;
    if (!this.#hasJoined && !this.#joined()) return false;
    const { owner, target, epoch } = shards.get(shard);
    if (!owner || parcel.epoch > epoch || !membership.isAlive(owner)) return false;
    if (target && this.#releasing.get(shard) !== 'settling') return false;
    if (this.#isOwner(shard)) return host.deliver(parseEntityAddress(parcel.address)!, shard, epoch, parcel);
    return this.#forward(owner, { ...parcel, epoch, hops: parcel.hops + 1 });
  }

  /** To the life that the map names: another one of that node does not own the shard, and may know less than we do. */
  #forward(owner: Life, parcel: Parcel): boolean {
    const { courier, config } = this.#options;
    const node = owner.nodeId;
    const unreachable = (why: string, rest = {}) =>
      new TuttiError('TUTTI_NODE_UNREACHABLE', { node, address: parcel.address, why, ...rest });
    if (parcel.hops > config.hopsMax) {
      courier.refuse(parcel, unreachable('it was passed on too often'));
      return true;
    }
    try {
      const outcome = courier.post(owner, parcel);
      if (outcome === 'no-link') return false;
      if (outcome === 'full') courier.refuse(parcel, unreachable('the link is full'));
    } catch (thrown) {
      courier.refuse(
        parcel,
        isTuttiError(thrown) ? thrown : unreachable(messageOf(thrown), { isFinal: true }),
      );
    }
    return true;
  }

  #flushWhere(condition: (shard: ShardId) => boolean): void {
    for (const shard of this.#waiting.shards()) if (condition(shard)) this.#flush(shard);
  }

  #flush(shard: ShardId): void {
    this.#waiting.drain(shard, (parcel) => this.#tryRoute(shard, parcel));
  }

  #shardChanged(shard: ShardId): void {
    const { shards, host, awakener } = this.#options;
    if (this.#waiting.has(-1)) for (const parcel of this.#waiting.takeAll(-1)) this.route(parcel);
    const { epoch, target } = shards.get(shard);
    host.fence(shard, this.#isOwner(shard) ? epoch : -1);
    if (this.#stopped) return;
    if (target && this.#isOwner(shard)) void this.#release(shard, epoch);
    if (this.#mayRun(shard)) {
      host.startSingletons(shard, epoch);
      awakener.took(shard);
    } else awakener.gave(shard);
    this.#flush(shard);
  }

  async #release(shard: ShardId, epoch: number): Promise<void> {
    if (this.#releasing.has(shard)) return;
    const { clock, config, host } = this.#options;
    this.#releasing.set(shard, 'settling');
    await new Promise<void>((resolve) => clock.setTimer(config.settleMs, resolve));
    this.#releasing.set(shard, 'stopping');
    if (!(await this.#stopsInTime(shard))) {
      this.#options.logger.warn(
        { shard, waitedMs: config.handOverMs },
        'entities did not stop for a hand-over',
      );
      // What they still do is not let out, and the log takes nothing more from them.
      host.fence(shard, -1);
    }
    this.#releasing.delete(shard);
    this.#sayReleased([{ shard, epoch }]);
  }

  #stopsInTime(shard: ShardId): Promise<boolean> {
    const { clock, config, host } = this.#options;
    return new Promise((resolve) => {
      const deadline = clock.setTimer(config.handOverMs, () => resolve(false));
      void host.release(shard).then(() => {
        clock.clearTimer(deadline);
        resolve(true);
      });
    });
  }

  /** Shards released in one turn go into one proposal. */
  #sayReleased(released: readonly ShardAt[]): void {
    if (this.#released.length === 0)
      this.#options.clock.nextTurn(() => {
        const shards = this.#released;
        this.#released = [];
        void this.#proposeReleased(shards);
      });
    this.#released.push(...released);
  }

  async #proposeReleased(shards: readonly ShardAt[]): Promise<void> {
    const { consensus, self, clock } = this.#options;
    const command: ShardCommand = { type: 'released', ...self, shards };
    try {
      await consensus.propose(SHARD_MAP, command);
    } catch {
      if (this.#stopped) return;
      // Not heard, or not taken: say it again for those that still wait for it.
      const open = shards.filter(({ shard, epoch }) => {
        const known = this.#options.shards.get(shard);
        return known.epoch === epoch && known.target !== undefined && sameLife(known.owner, self);
      });
      this.#retry = clock.setTimer(RETRY_MS, () => {
        if (open.length > 0) this.#sayReleased(open);
      });
    }
  }
}
