import type { Consensus } from '@tutti/consensus';
import type { Clock, Logger, Timer } from '@tutti/kernel';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import type { Life } from '../cluster/membership.ts';
import type { EntityHost } from './entity-host.ts';
import type { OutgoingMail } from './outgoing-mail.ts';
import type { SettledSenders } from './settled-senders.ts';
import type { ShardId } from './shard-id.ts';
import {
  type ReleasedShard,
  SHARD_MAP,
  type ShardAt,
  type ShardCommand,
  type ShardMap,
  sameLife,
} from './shard-map.ts';
import type { WaitingParcels } from './waiting-parcels.ts';

/** How long to wait before telling the cluster once more that shards have been released. */
const RETRY_MS = 200;
/** How long a turn may still take whose commit is under way when `handOverMs` is over. */
const LAST_TURN_MS = 1_000;

interface ReleaserOptions {
  readonly self: Life;
  readonly consensus: Consensus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: ClusterConfig;
  readonly shards: ShardMap;
  readonly host: EntityHost;
  readonly waiting: WaitingParcels;
  readonly mail: OutgoingMail;
  readonly senders: SettledSenders;
}

interface Releasing {
  readonly epoch: number;
  /** Whether it still takes messages, since some may be under way. */
  isSettling: boolean;
}

/**
 * Lets go of this node's shards when the map says so, in four steps: it takes messages until nobody sends any more, stops
 * the shard's entities, hands over what waits for the shard, and tells the log. Each step has an end by time, so that no
 * sender, no entity and no target can hold a shard up.
 */
export class Releaser {
  readonly #options: ReleaserOptions;
  /** Shards that this node lets go of, until their epoch ends. */
  readonly #releasing = new Map<ShardId, Releasing>();
  #released: ReleasedShard[] = [];
  #retry: Timer | undefined;
  #leavesAt = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(options: ReleaserOptions) {
    this.#options = options;
  }

  isSettling(shard: ShardId): boolean {
    return this.#releasing.get(shard)?.isSettling === true;
  }

  /** Lets go of a shard that this node owns, unless it is about to. */
  async release(at: ShardAt, target: Life): Promise<void> {
    const { shard, epoch } = at;
    if (this.#releasing.has(shard)) return;
    const releasing: Releasing = { epoch, isSettling: true };
    this.#releasing.set(shard, releasing);
    const isOver = () => this.#stopped || this.#releasing.get(shard) !== releasing;
    await this.#options.senders.whenSettled(at);
    releasing.isSettling = false;
    if (isOver()) return;
    await this.#stopEntities(shard);
    if (isOver()) return;
    const isHanded = await this.#handOverMail(at, target);
    if (!isOver()) this.#say(isHanded ? { shard, epoch, isHanded } : { shard, epoch });
  }

  /** The map has another epoch of the shard, or may have. */
  changed(shard: ShardId): void {
    const releasing = this.#releasing.get(shard);
    if (releasing && releasing.epoch !== this.#options.shards.get(shard).epoch) this.#releasing.delete(shard);
  }

  /** The node waits for its hand-over until then, on its own clock. */
  leavesBy(at: number): void {
    this.#leavesAt = at;
  }

  stop(): void {
    this.#stopped = true;
    if (this.#retry) this.#options.clock.clearTimer(this.#retry);
  }

  /**
   * What an entity has not handled by the end of `handOverMs` goes along, as what its state has put off does. The asks that
   * it holds it may answer until then.
   */
  async #stopEntities(shard: ShardId): Promise<void> {
    const { host, config, logger, clock } = this.#options;
    // Half of what is left to a node that leaves, so that time is left for shards that wait for their turn.
    const waitedMs = Math.max(0, Math.min(config.handOverMs, (this.#leavesAt - clock.now()) / 2));
    const gone = host.release(shard, waitedMs);
    if (await this.#within(waitedMs, gone)) return;
    const fields = { shard, waitedMs };
    logger.warn(fields, 'entities did not handle all they were sent before a hand-over');
    host.hurry(shard);
    if (await this.#within(LAST_TURN_MS, gone)) return;
    logger.warn(fields, 'entities were cut off in the middle of a turn for a hand-over');
    host.cutOff(shard);
  }

  #within(limitMs: number, done: Promise<void>): Promise<boolean> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const deadline = clock.setTimer(limitMs, () => resolve(false));
      void done.then(() => {
        clock.clearTimer(deadline);
        resolve(true);
      });
    });
  }

  /**
   * Only what is older than what its senders may send to the next owner. What this node itself sends waits here and goes
   * the same way, so that a hand-over without such mail need not wait for a receipt.
   */
  async #handOverMail(at: ShardAt, target: Life): Promise<boolean> {
    const { waiting, mail } = this.#options;
    const isOlder = waiting.some(at.shard, ({ isLeftOver, hops }) => isLeftOver === true || hops > 0);
    if (!isOlder || !mail.canGive(target)) return false;
    return mail.give(at, target, waiting.takeAll(at.shard));
  }

  /** Shards released in one turn go into one proposal. */
  #say(...released: readonly ReleasedShard[]): void {
    if (this.#released.length === 0)
      this.#options.clock.nextTurn(() => {
        const shards = this.#released;
        this.#released = [];
        void this.#propose(shards);
      });
    this.#released.push(...released);
  }

  async #propose(shards: readonly ReleasedShard[]): Promise<void> {
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
        if (open.length > 0 && !this.#stopped) this.#say(...open);
      });
    }
  }
}
