import type { ClusterSimOptions } from '../../test/simulation/cluster/draw-options.ts';
import type { Mutant } from './mutant.ts';

type Bug = Mutant<Partial<ClusterSimOptions>>;

/** Owners that are cut off and stand still while their leases are long. */
const CUT_OFF: Partial<ClusterSimOptions> = {
  calm: false,
  leaseMs: 1_500,
  faultEveryMs: 600,
  faults: ['partition', 'pause', 'cut', 'slow'],
};
/** Shards that are handed over, one node after the other, while nothing else goes wrong. */
const CALM: Partial<ClusterSimOptions> = { calm: true, thinkMeanMs: 15 };

/** Who may act, and from when on. */
const LEASES: readonly Bug[] = [
  {
    name: 'shards of a lost node are given away before its lease is over',
    file: 'sharding/rebalance.ts',
    right: 'const dueMs = lost === undefined ? 0 : lost + takeoverWaitMs - now;',
    wrong: 'const dueMs = lost === undefined ? 0 : 0 * (takeoverWaitMs - now);',
    season: CUT_OFF,
  },
  {
    name: 'effects do not wait for the lease',
    file: 'sharding/activation.ts',
    right: 'return this.#host.lease.isValid ? undefined : this.#untilLeased();',
    wrong: 'return undefined;',
    season: CUT_OFF,
  },
  {
    name: 'a lease never ends',
    file: 'cluster/quorum-lease.ts',
    right: 'return this.#revoked === undefined && this.#options.clock.now() < this.#until;',
    wrong: 'return this.#revoked === undefined && this.#until > 0;',
    season: CUT_OFF,
  },
  {
    name: 'a paused owner does not wait for its log before it acts again',
    file: 'cluster/quorum-lease.ts',
    right: 'await consensus.readBarrier({ timeoutMs: leaseMs });',
    wrong: 'await Promise.resolve(consensus.status());',
    season: CUT_OFF,
  },
];

/** What becomes of committed states. */
const STATES: readonly Bug[] = [
  {
    name: 'an answer leaves before its state is in the log',
    file: 'sharding/activation.ts',
    right: 'if (this.keepsTimers && changed) return this.#store(turn, timers);',
    wrong: 'if (this.keepsTimers && changed) void this.#store(turn, timers).catch(() => {});',
  },
  {
    name: 'an entity begins anew where it should go on',
    file: 'sharding/entity-host.ts',
    right: 'const known = durable ? states.get(name) : undefined;',
    wrong: 'const known = durable && epoch < 3 ? states.get(name) : undefined;',
  },
  {
    name: 'a replicated logic is restored to its beginning',
    file: 'cluster/replicated-logic.ts',
    right: 'this.#cell.snapshot = this.#runtime.initialSnapshot(this.#cell, undefined, persisted);',
    wrong:
      'this.#cell.snapshot = this.#runtime.initialSnapshot(this.#cell, undefined, persisted && undefined);',
  },
  {
    name: 'a snapshot leaves the entities out',
    file: 'sharding/entity-states.ts',
    right: 'for (const [, state] of captured) yield state;',
    wrong: 'for (const [, state] of captured) if (state.version < 0) yield state;',
  },
];

/** How a shard gets from one owner to the next. */
const HAND_OVER: readonly Bug[] = [
  {
    name: 'messages that wait for a shard are not sent on when it has an owner',
    file: 'sharding/region.ts',
    right: 'else awakener.gave(shard);\n    this.#flush(shard);',
    wrong: 'else awakener.gave(shard);',
    season: CALM,
  },
  {
    name: 'an owner takes messages after it has let go',
    file: 'sharding/region.ts',
    right: "if (target && this.#releasing.get(shard) !== 'settling') return false;",
    wrong: 'if (target && target.incarnation < 0) return false;',
  },
  {
    name: 'an entity that stops takes the place of the next activation',
    file: 'sharding/entity-host.ts',
    right: 'this.#byAddress.delete(address);\n    const set',
    wrong: 'const set',
  },
  {
    name: 'messages that wait overtake one another',
    file: 'sharding/waiting-parcels.ts',
    right: 'if (list) list.push(waiting);',
    wrong: 'if (list) list.unshift(waiting);',
    season: CALM,
  },
  {
    name: 'a shard without an owner gets none',
    file: 'sharding/shard-map.ts',
    right: 'return this.#isUp(to) ? { owner: to, epoch: known.epoch + 1, target: undefined } : undefined;',
    wrong:
      'return this.#isUp(to) && !known.owner ? { owner: to, epoch: known.epoch + 1, target: undefined } : undefined;',
  },
];

/** Watching over nodes. */
const WATCHING: readonly Bug[] = [
  {
    name: 'a watch is asked for once, whatever becomes of the link',
    file: 'cluster/remote-observers.ts',
    right: 'else this.#request(id, observation);',
    wrong: 'else if (id < 0) this.#request(id, observation);',
  },
  {
    name: 'a watch ends silently with its node',
    file: 'cluster/remote-observers.ts',
    right: "this.#end(id, observation, { address: observation.address, reason: 'node-lost' });",
    wrong: 'this.#open.delete(id);',
  },
  {
    name: 'a notice is not ticked off, and told again',
    file: 'cluster/remote-observers.ts',
    right: '    this.#open.delete(id);\n    observation.onEnded?.(notice);',
    wrong: '    observation.onEnded?.(notice);',
  },
  {
    name: 'who watches an actor of a life that is over waits for ever',
    file: 'cluster/remote-observers.ts',
    right: 'if (this.#isGone(node, life)) return this.#endLater(address, onEnded);',
    wrong: 'if (this.#isGone(node, life)) return () => {};',
  },
  {
    name: 'a node that was lost once is never trusted again',
    file: 'cluster/failure-detector.ts',
    right: 'peer.suspected = false;',
    wrong: '',
  },
];

/**
 * A bug in one of the runtime's rules each, to see that the simulation of the whole cluster guards the rule. Rules that
 * another one stands behind are not here: where an owner that was replaced is stopped by its epoch, by the log and by its
 * lease, taking one of the three away lets nothing through.
 */
export const CLUSTER_MUTANTS: readonly Bug[] = [...LEASES, ...STATES, ...HAND_OVER, ...WATCHING];
