import type { Life, Membership } from '../cluster/membership.ts';
import type { Allocate } from './allocation.ts';
import type { Shard, ShardMove } from './shard-map.ts';

/** What the coordinator should propose now, and when to look again. */
export interface RebalancePlan {
  readonly assign: readonly ShardMove[];
  readonly move: readonly ShardMove[];
  /** How long until something that has to wait is due; undefined when nothing waits. */
  readonly waitMs: number | undefined;
}

interface RebalanceInput {
  readonly shards: readonly Shard[];
  readonly membership: Membership;
  /** When this node learned that the life was lost, or undefined when it need not be waited for. */
  readonly lostAt: (life: Life) => number | undefined;
  /** Where each shard belongs. */
  readonly allocate: Allocate;
  readonly takeoverWaitMs: number;
  readonly movesMax: number;
  readonly now: number;
}

/**
 * Compares the map with where the shards belong. Shards without an owner are given away, those of a lost owner only
 * when its lease is surely over; shards of living owners move one bounded lot after another, those of leaving ones
 * first.
 */
export function planRebalance(input: RebalanceInput): RebalancePlan {
  const { shards, membership, lostAt, allocate, takeoverWaitMs, movesMax, now } = input;
  const up = membership.up();
  const nodes = up.map(({ nodeId, declares }) => ({ nodeId, weight: declares?.weight ?? 1 }));
  const ideals = allocate(shards.length, nodes);
  const lives = new Map(up.map(({ nodeId, incarnation }) => [nodeId, { nodeId, incarnation }]));
  const assign: ShardMove[] = [];
  const leaving: ShardMove[] = [];
  const uneven: ShardMove[] = [];
  let waitMs: number | undefined;
  let moving = 0;
  shards.forEach(({ owner, epoch, target }, shard) => {
    const ideal = lives.get(ideals[shard]!);
    if (!ideal) return;
    const move: ShardMove = { shard, epoch, ...ideal };
    if (!owner || !membership.isAlive(owner)) {
      const lost = owner && lostAt(owner);
      const dueMs = lost === undefined ? 0 : lost + takeoverWaitMs - now;
      if (dueMs <= 0) assign.push(move);
      else waitMs = Math.min(waitMs ?? Number.POSITIVE_INFINITY, dueMs);
    } else if (target) moving++;
    else if (membership.get(owner.nodeId)?.state === 'leaving') leaving.push(move);
    else if (owner.nodeId !== ideal.nodeId) uneven.push(move);
  });
  return { assign, move: [...leaving, ...uneven].slice(0, Math.max(0, movesMax - moving)), waitMs };
}
