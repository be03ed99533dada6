import type { Consensus } from '@tutti/consensus';
import {
  type Clock,
  isTuttiError,
  type Logger,
  messageOf,
  type NodeId,
  type Transport,
  TuttiError,
} from '@tutti/kernel';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import type { Courier } from '../cluster/courier.ts';
import type { Life, Membership } from '../cluster/membership.ts';
import type { Parcel } from '../cluster/parcel.ts';
import type { Awakener } from './awakener.ts';
import type { EntityHost } from './entity-host.ts';
import { IncomingMail } from './incoming-mail.ts';
import { OutgoingMail } from './outgoing-mail.ts';
import { Releaser } from './releaser.ts';
import { SettledSenders } from './settled-senders.ts';
import { type EntityName, parseEntityAddress, type ShardId, shardOf } from './shard-id.ts';
import { type EpochEnd, epochEnd, SHARD_MAP, type ShardMap } from './shard-map.ts';
import { WaitingParcels } from './waiting-parcels.ts';

/**
 * How long what has ended rests before it is started again, since what fails whenever it starts must not keep the node
 * busy: a singleton, which a message starts sooner, and an entity that could not commit, with what has waited for it.
 */
const REST_MS = 1_000;

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
 * map names the new owner, behind what the old one had not handled, see {@link OutgoingMail}.
 */
export class Region {
  readonly #options: RegionOptions;
  readonly #waiting: WaitingParcels;
  readonly #outgoing: OutgoingMail;
  readonly #incoming: IncomingMail;
  readonly #settled: SettledSenders;
  readonly #releaser: Releaser;
  /** Whether this node has applied the log as far as its own joining: what it knows before is a map of the past. */
  #hasJoined = false;
  #stopped = false;

  constructor(options: RegionOptions) {
    this.#options = options;
    const { clock, config, courier, consensus, shards, transport } = options;
    this.#waiting = new WaitingParcels({
      clock,
      limit: config.bufferMax,
      elsewhere: () => this.#outgoing.size + this.#incoming.size,
      waitMs: config.bufferMs,
      refuse: (parcel, error) => courier.refuse(parcel, error),
    });
    this.#outgoing = new OutgoingMail(options);
    this.#incoming = new IncomingMail({ ...options, hasRoom: () => this.#waiting.hasRoom });
    this.#settled = new SettledSenders(options);
    const parts = { waiting: this.#waiting, mail: this.#outgoing, senders: this.#settled };
    this.#releaser = new Releaser({ ...options, ...parts });
    courier.onHandOver({
      settled: (...said) => this.#settled.said(...said),
      handed: (...came) => this.#incoming.handed(...came),
      handedAll: (...came) => this.#incoming.handedAll(...came),
      kept: (...came) => this.#outgoing.kept(...came),
    });
    consensus.watch(SHARD_MAP, {
      applied: (command, outcome) => {
        if (isTuttiError(outcome)) return;
        const changed = outcome as readonly ShardId[];
        for (const shard of changed) this.#epochEnded(shard, epochEnd(command, shard));
        for (const shard of changed) this.#shardChanged(shard);
      },
      restored: () => {
        for (let shard = 0; shard < shards.size; shard++) this.#epochEnded(shard, undefined);
        this.refresh();
      },
    });
    transport.onLink({
      linkUp: ({ nodeId }) => this.#flushWhere((shard) => shards.get(shard).owner?.nodeId === nodeId),
      linkDown: () => {},
    });
  }

  /** Messages that wait here for an owner, and copies of those that were handed over and may come back. */
  get buffered(): number {
    return this.#waiting.size + this.#outgoing.size + this.#incoming.size;
  }

  /** Whether this node takes part no more. */
  get isStopped(): boolean {
    return this.#stopped;
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
    else if (hasFailed && leftOver.length > 0 && this.#mayRun(shard))
      this.#options.clock.setTimer(REST_MS, () => this.#flush(shard));
    else this.#flush(shard);
    if (!this.#options.host.isSingleton(name)) return;
    this.#options.clock.setTimer(REST_MS, () => {
      if (this.#mayRun(shard))
        this.#options.host.startSingletons(shard, this.#options.shards.get(shard).epoch);
    });
  }

  /** The node leaves, and waits until then for others to have its shards. */
  leavesBy(at: number): void {
    this.#releaser.leavesBy(at);
  }

  /** Takes nothing in and hands nothing on any more; what waits is refused. */
  stop(): void {
    this.#stopped = true;
    this.#releaser.stop();
    this.#options.awakener.stop();
    this.#outgoing.stop();
    this.#incoming.stop();
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
    if (target && !this.#releaser.isSettling(shard)) return false;
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

  /**
   * What went along with the shard, or came along, is decided now: here it goes in front of what has waited for the next
   * owner, since its senders sent it before. Of one that has not changed its owner, nothing is.
   */
  #epochEnded(shard: ShardId, end: EpochEnd | undefined): void {
    const { owner } = this.#options.shards.get(shard);
    this.#waiting.putBack(shard, this.#incoming.ended(shard, owner, end));
    this.#waiting.putBack(shard, this.#outgoing.ended(shard, owner, end));
  }

  #shardChanged(shard: ShardId): void {
    const { shards, host, awakener } = this.#options;
    this.#releaser.changed(shard);
    this.#settled.changed(shard);
    if (this.#waiting.has(-1)) for (const parcel of this.#waiting.takeAll(-1)) this.route(parcel);
    const { epoch, owner, target } = shards.get(shard);
    host.fence(shard, this.#isOwner(shard) ? epoch : -1);
    if (owner && target && !this.#isOwner(shard)) this.#settled.tell(owner, { shard, epoch });
    if (this.#stopped) return;
    if (target && this.#isOwner(shard)) void this.#releaser.release({ shard, epoch }, target);
    if (this.#mayRun(shard)) {
      host.startSingletons(shard, epoch);
      awakener.took(shard);
    } else awakener.gave(shard);
    this.#flush(shard);
  }
}
