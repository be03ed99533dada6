import type { Consensus } from '@tutti/consensus';
import { type Clock, type Logger, messageOf, type NodeId, type Timer, type Transport } from '@tutti/kernel';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import type { Members } from '../cluster/member.ts';
import { type Life, MEMBERSHIP, type Membership, type MembershipCommand } from '../cluster/membership.ts';
import { lastIdealOwners } from './allocation.ts';
import { planRebalance } from './rebalance.ts';
import { SHARD_MAP, type ShardCommand, type ShardMap, sameLife } from './shard-map.ts';

/** How long a proposal may take; short, since the next look decides anew. */
const PROPOSE_MS = 1_000;
/** How long to wait after one failed. */
const RETRY_MS = 200;
/** The longest wait until leadership is offered again to those who could not take it; it doubles from {@link RETRY_MS}. */
const OFFER_MS_MAX = 5_000;
/** Losses that are remembered; one that is forgotten is waited for anew, which is slow but safe. */
const LOSSES_MAX = 1_024;

interface CoordinatorOptions {
  readonly self: Life;
  readonly consensus: Consensus;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: ClusterConfig;
  readonly members: Members;
  readonly membership: Membership;
  readonly shards: ShardMap;
  readonly suspected: () => readonly NodeId[];
}

const lifeKey = ({ nodeId, incarnation }: Life) => `${nodeId}/${incarnation}`;

/**
 * What the consensus leader does for the cluster: it turns its suspicions into `lost`, and keeps the shard map where
 * the members say it belongs. It decides nothing alone: two that believe to lead only make proposals that the map
 * refuses, because each names the epoch it saw.
 */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  /** When this node learned of each loss, on its own clock: the start of the wait for the lease to end. */
  readonly #lostAt = new Map<string, number>();
  readonly #accusing = new Map<NodeId, AbortController>();
  readonly #allocate = lastIdealOwners();
  readonly #unsubscribe: () => void;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #busy = false;
  #running = false;
  #resigned = false;
  /** Offers of leadership that were not taken since the last one that was. */
  #offers = 0;
  #offering = false;
  #nextOfferAt = Number.NEGATIVE_INFINITY;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    const { consensus, members, clock } = options;
    const offs = [
      members.onChange((member) => {
        if (member.state === 'lost') this.#remember(member, clock.now());
        this.look();
      }),
      consensus.onStatus(() => this.look()),
      consensus.watch(SHARD_MAP, { applied: () => this.look(), restored: () => this.look() }),
    ];
    this.#unsubscribe = () => offs.forEach((off) => off());
  }

  start(): void {
    this.#running = true;
    this.look();
  }

  stop(): void {
    this.#running = false;
    this.#unsubscribe();
    if (this.#timer) this.#options.clock.clearTimer(this.#timer);
    for (const accusation of this.#accusing.values()) accusation.abort();
  }

  /**
   * This node is no member any more, although it may still vote. The log refuses its accusations, so that no loss would
   * be noticed while it leads: it hands leadership on to a member, as often as it is elected. It stands for election all
   * the same, since it may be the only one that is there and has all that was acknowledged.
   */
  resign(): void {
    this.#resigned = true;
    this.look();
  }

  /** A node has become suspected, or is trusted again. */
  suspicionChanged(node: NodeId, suspected: boolean): void {
    if (!suspected) this.#accusing.get(node)?.abort();
    this.look();
  }

  /** Looks at the cluster in the next turn, so that a run of changes costs one look. */
  look(): void {
    this.#lookAfter(0);
  }

  #lookAfter(delayMs: number): void {
    const { clock } = this.#options;
    const at = clock.now() + delayMs;
    if (!this.#running || (this.#timer && this.#timerAt <= at)) return;
    if (this.#timer) clock.clearTimer(this.#timer);
    this.#timerAt = at;
    this.#timer = clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      if (this.#running && this.#options.consensus.status().role === 'leader') this.#act();
    });
  }

  #act(): void {
    if (this.#resigned) void this.#offerLeadership();
    else for (const node of this.#options.suspected()) void this.#accuse(node);
    if (!this.#busy) void this.#rebalance();
  }

  async #offerLeadership(): Promise<void> {
    const { consensus, clock, logger } = this.#options;
    if (this.#offering) return;
    const heirs = this.#heirs();
    const heir = heirs[this.#offers % heirs.length];
    const waitMs = this.#nextOfferAt - clock.now();
    if (waitMs > 0 || heir === undefined) {
      if (consensus.status().voters.length > 1) this.#lookAfter(Math.max(waitMs, RETRY_MS));
      return;
    }
    this.#offering = true;
    try {
      await consensus.transferLeadership(heir);
      this.#offers = 0;
    } catch (thrown) {
      this.#nextOfferAt = clock.now() + Math.min(OFFER_MS_MAX, RETRY_MS * 2 ** this.#offers++);
      logger.info({ heir, problem: messageOf(thrown) }, 'a member could not take the lead yet');
    } finally {
      this.#offering = false;
    }
    this.look();
  }

  /** The members that could lead: those that vote and can be reached, first those that stay. */
  #heirs(): readonly NodeId[] {
    const { consensus, transport, membership, members, self } = this.#options;
    const { voters } = consensus.status();
    const linked = transport.linked();
    const suspected = this.#options.suspected();
    return members
      .list()
      .filter((member) => member.nodeId !== self.nodeId && voters.includes(member.nodeId))
      .filter((member) => membership.isAlive(member) && !suspected.includes(member.nodeId))
      .filter((member) => linked.some((peer) => sameLife(peer, member)))
      .toSorted((a, b) => Number(a.state !== 'up') - Number(b.state !== 'up'))
      .map((member) => member.nodeId);
  }

  async #accuse(node: NodeId): Promise<void> {
    const { consensus, membership, self, logger } = this.#options;
    const member = membership.get(node);
    if (this.#accusing.has(node) || !member || !membership.isAlive(member)) return;
    const accusation = new AbortController();
    this.#accusing.set(node, accusation);
    const command: MembershipCommand = {
      type: 'lost',
      nodeId: node,
      incarnation: member.incarnation,
      by: self.nodeId,
      byIncarnation: self.incarnation,
    };
    try {
      await consensus.propose(MEMBERSHIP, command, { timeoutMs: PROPOSE_MS, signal: accusation.signal });
    } catch (thrown) {
      logger.warn({ node, problem: messageOf(thrown) }, 'could not mark a node as lost');
      this.#lookAfter(RETRY_MS);
    } finally {
      this.#accusing.delete(node);
    }
  }

  async #rebalance(): Promise<void> {
    const { shards, membership, config, clock } = this.#options;
    if (shards.size === 0) return;
    const plan = planRebalance({
      shards: shards.list(),
      membership,
      lostAt: (life) => this.#waitFrom(life),
      allocate: this.#allocate,
      takeoverWaitMs: config.takeoverWaitMs,
      movesMax: config.movesMax,
      now: clock.now(),
    });
    if (plan.waitMs !== undefined) this.#lookAfter(plan.waitMs);
    this.#busy = true;
    try {
      if (plan.assign.length > 0) await this.#propose({ type: 'assign', moves: plan.assign });
      if (plan.move.length > 0) await this.#propose({ type: 'move', moves: plan.move });
    } catch (thrown) {
      this.#options.logger.warn({ problem: messageOf(thrown) }, 'could not change the shard map');
      this.#lookAfter(RETRY_MS);
    } finally {
      this.#busy = false;
    }
    if (plan.assign.length + plan.move.length > 0) this.#lookAfter(RETRY_MS);
  }

  #propose(command: ShardCommand): Promise<unknown> {
    return this.#options.consensus.propose(SHARD_MAP, command, { timeoutMs: PROPOSE_MS });
  }

  #remember(life: Life, at: number): void {
    this.#lostAt.set(lifeKey(life), at);
    if (this.#lostAt.size > LOSSES_MAX) this.#lostAt.delete(this.#lostAt.keys().next().value!);
  }

  /** A life that left did so after its entities had stopped; any other that is gone may still hold a lease. */
  #waitFrom(life: Life): number | undefined {
    const member = this.#options.membership.get(life.nodeId);
    if (member?.incarnation === life.incarnation && member.state === 'left') return undefined;
    const key = lifeKey(life);
    let at = this.#lostAt.get(key);
    if (at === undefined) this.#remember(life, (at = this.#options.clock.now()));
    return at;
  }
}
