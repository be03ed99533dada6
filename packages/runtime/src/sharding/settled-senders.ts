import type { Clock, PeerIdentity, Transport } from '@tutti/kernel';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import type { Courier } from '../cluster/courier.ts';
import type { Life, Membership } from '../cluster/membership.ts';
import { HAND_OVER_VERSION } from '../cluster/parcel.ts';
import { speaks } from '../cluster/wire-version.ts';
import type { ShardId } from './shard-id.ts';
import { type ShardAt, type ShardMap, sameLife } from './shard-map.ts';

/** The longest that a node is waited for which does not say that it is settled: it stalls, or is very far. */
const SAID_MS_MAX = 250;

interface SettledSendersOptions {
  readonly courier: Courier;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly config: ClusterConfig;
  readonly membership: Membership;
  readonly shards: ShardMap;
}

interface Said {
  readonly epoch: number;
  readonly by: Life[];
}

interface Waiting {
  readonly at: ShardAt;
  /** Those that have not said it. */
  awaited: readonly Life[];
  readonly end: () => void;
}

/**
 * When a shard is to move, each node keeps from then on what it has for the shard, and says so to the owner. It says it
 * behind all that it has sent there, so the owner knows that nothing of it is under way any more, however slow a link is.
 * Nodes of wire version 1 do not say it: for those `settleMs` must do.
 */
export class SettledSenders {
  readonly #options: SettledSendersOptions;
  /** What was said about shards, also before this node has heard itself that they move. */
  readonly #said = new Map<ShardId, Said>();
  readonly #waiting = new Set<Waiting>();
  #toSay: { readonly owner: Life; readonly shards: ShardAt[] }[] = [];

  constructor(options: SettledSendersOptions) {
    this.#options = options;
    options.transport.onLink({
      linkUp: () => {},
      // What was under way on that link is lost, and nothing for a shard that moves comes over the next.
      linkDown: (peer) => this.#heard(peer, () => true),
    });
  }

  /** This node sends the owner nothing more for the shard in this epoch. */
  tell(owner: Life, at: ShardAt): void {
    if (this.#toSay.length === 0) this.#options.clock.nextTurn(() => this.#tellAll());
    const known = this.#toSay.find((each) => sameLife(each.owner, owner));
    if (known) known.shards.push(at);
    else this.#toSay.push({ owner, shards: [at] });
  }

  /** Another node has said it. */
  said(from: PeerIdentity, shards: readonly ShardAt[]): void {
    const { shards: map } = this.#options;
    for (const { shard, epoch } of shards) {
      const known = this.#said.get(shard);
      if (shard >= map.size || epoch < (known ?? map.get(shard)).epoch) continue;
      if (known?.epoch !== epoch) this.#said.set(shard, { epoch, by: [from] });
      else if (!known.by.some((life) => sameLife(life, from))) known.by.push(from);
      this.#heard(from, (at) => at.shard === shard && at.epoch === epoch);
    }
  }

  /** Resolves when nothing is under way to this node any more for a shard that is to move. */
  async whenSettled(at: ShardAt): Promise<void> {
    const { clock, config, membership, transport } = this.#options;
    const members = transport.linked().filter((peer) => membership.isAlive(peer));
    const said = this.#said.get(at.shard);
    const by = said?.epoch === at.epoch ? said.by : [];
    const awaited = members.filter((peer) => this.#speaks(peer) && !by.some((life) => sameLife(life, peer)));
    const isOldThere = members.some((peer) => !this.#speaks(peer));
    const pause = (resolve: () => void) => void clock.setTimer(isOldThere ? config.settleMs : 0, resolve);
    await Promise.all([new Promise<void>(pause), this.#untilSaid(at, awaited)]);
  }

  /** The map has another epoch of the shard, or may have. */
  changed(shard: ShardId): void {
    const said = this.#said.get(shard);
    if (said && said.epoch < this.#options.shards.get(shard).epoch) this.#said.delete(shard);
  }

  #speaks({ nodeId: node }: Life): boolean {
    return speaks(this.#options.transport, node, HAND_OVER_VERSION);
  }

  #untilSaid(at: ShardAt, awaited: readonly Life[]): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.setTimer(SAID_MS_MAX, () => waiting.end());
      const waiting: Waiting = {
        at,
        awaited,
        end: () => {
          clock.clearTimer(timer);
          this.#waiting.delete(waiting);
          resolve();
        },
      };
      this.#waiting.add(waiting);
      if (awaited.length === 0) waiting.end();
    });
  }

  #tellAll(): void {
    const { courier } = this.#options;
    const toSay = this.#toSay;
    this.#toSay = [];
    for (const { owner, shards } of toSay) {
      if (courier.isLinked(owner) && this.#speaks(owner))
        courier.signal(owner.nodeId, { t: 'settled', shards }, 'bulk');
    }
  }

  #heard(from: Life, isMeant: (at: ShardAt) => boolean): void {
    for (const waiting of [...this.#waiting].filter(({ at }) => isMeant(at))) {
      waiting.awaited = waiting.awaited.filter((peer) => !sameLife(peer, from));
      if (waiting.awaited.length === 0) waiting.end();
    }
  }
}
