import type { ClusterSimOptions } from '../../test/simulation/cluster/draw-options.ts';
import type { Mutant } from './mutant.ts';

type Bug = Mutant<Partial<ClusterSimOptions>>;

/** Owners that are cut off and stand still while their leases are long. */
const CUT_OFF: Partial<ClusterSimOptions> = {
  calm: false,
  leaseMs: 1_500,
  faultEveryMs: 600,
  faults: ['partition', 'pause', 'cut', 'slow'],
  workloads: [],
};
/** Shards that are handed over, one node after the other, while nothing else goes wrong. */
const CALM: Partial<ClusterSimOptions> = { calm: true, thinkMeanMs: 15, workloads: [] };

/** Processes that stand still while the answer that prolongs their lease is under way. */
const STANDING_STILL: Partial<ClusterSimOptions> = {
  calm: false,
  nodes: 3,
  leaseMs: 300,
  latencyMaxMs: 10,
  faultEveryMs: 600,
  faults: ['pause', 'slow'],
  durationMs: 5_000,
  keys: 6,
  passivateAfterMs: 0,
  activeMax: 0,
  workloads: [],
};
/** Entities that are put to sleep in the middle of what they do, because others are asked for. */
const CROWDED: Partial<ClusterSimOptions> = { ...CALM, keys: 6, activeMax: 1, passivateAfterMs: 0 };
/** Shards that are long on their way, while many send to few keys, one of which puts its messages off now and then. */
const LONG_MOVES: Partial<ClusterSimOptions> = {
  ...CALM,
  keys: 2,
  thinkMeanMs: 8,
  diskMs: 5,
  latencyMaxMs: 10,
  passivateAfterMs: 0,
  activeMax: 0,
};
/** A node comes back and is handed shards, and before that has ended nobody hears anybody for longer than they try. */
const SILENCE: Partial<ClusterSimOptions> = {
  calm: false,
  nodes: 3,
  shards: 16,
  leaseMs: 1_500,
  latencyMaxMs: 10,
  diskMs: 5,
  durationMs: 16_000,
  workMs: 2_500,
  schedule: [
    { at: 100, kind: 'stop', on: ['n1'], for: 1_500 },
    { at: 1_690, kind: 'partition', on: ['n1'], for: 13_000 },
    { at: 1_690, kind: 'partition', on: ['n2'], for: 13_000 },
  ],
  workloads: [],
};

/** Links that break again and again, and nodes that are given up while they stand still. */
const BROKEN_LINKS: Partial<ClusterSimOptions> = {
  calm: false,
  faultEveryMs: 250,
  faults: ['reset', 'cut', 'partition', 'pause'],
};
/** Owners that are lost, one after the other. */
const KILLED: Partial<ClusterSimOptions> = { calm: false, faultEveryMs: 600, faults: ['crash', 'reset'] };

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
    name: 'a lease counts from the answer instead of the question',
    file: 'cluster/quorum-lease.ts',
    right: 'this.#until = Math.max(this.#until, startedAt + leaseMs);',
    wrong: 'this.#until = clock.now() + leaseMs + 0 * startedAt;',
    season: STANDING_STILL,
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
    right: 'if (target && !this.#releaser.isSettling(shard)) return false;',
    wrong: 'if (target && target.incarnation < 0) return false;',
  },
  {
    name: 'a shard is said to be released before its entities have stopped',
    file: 'sharding/releaser.ts',
    right: 'const gone = host.release(shard, waitedMs);',
    wrong: 'void host.release(shard, waitedMs);\n    const gone = Promise.resolve();',
    season: CALM,
  },
  {
    name: 'a release that was not heard is not said again',
    file: 'sharding/releaser.ts',
    right: 'if (open.length > 0 && !this.#stopped) this.#say(...open);',
    wrong: 'if (open.length < 0 && !this.#stopped) this.#say(...open);',
    season: SILENCE,
  },
  {
    name: 'a message for an entity that is stopping goes down with it',
    file: 'sharding/entity-host.ts',
    right: 'if (known?.stopping) return false;',
    wrong: 'if (known?.stopping && this.#closed) return false;',
    season: CROWDED,
  },
  {
    name: 'what an entity puts off goes down with it',
    file: 'sharding/activation.ts',
    right:
      'this.leftOver.push({ address, event, target, deadline, hops: 0, epoch, isLeftOver: true });\n    return true;',
    wrong: 'return address.length + deadline < epoch;',
    season: CALM,
  },
  {
    name: 'left-over mail is passed on after released',
    file: 'sharding/releaser.ts',
    right: 'if (!isOlder || !mail.canGive(target)) return false;',
    wrong: 'if (isOlder || !mail.canGive(target)) return false;',
    breaks: 'what one sender sends to one key keeps its order',
    season: CALM,
  },
  {
    name: 'mail that came along is delivered by its old owner, too',
    file: 'sharding/outgoing-mail.ts',
    right: "const isTheirs = how === 'assigned' ? isKept : how === 'handed' && sameLife(owner, to);",
    wrong: "const isTheirs = how === 'assigned' ? isKept : how === 'handed' && !sameLife(owner, to);",
    breaks: 'nothing takes effect twice',
    season: CALM,
  },
  {
    name: 'mail that came along waits behind what came later',
    file: 'sharding/region.ts',
    right: 'this.#waiting.putBack(shard, this.#incoming.ended(shard, owner, end));',
    wrong: 'for (const parcel of this.#incoming.ended(shard, owner, end)) this.#waiting.add(shard, parcel);',
    breaks: 'what one sender sends to one key keeps its order',
    season: LONG_MOVES,
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

/** What the cluster is used for besides clients: without that workload nobody sees them. */
const WORKLOADS: readonly Bug[] = [
  {
    name: 'a watch ends when the link to a living node comes back',
    file: 'cluster/remote-observers.ts',
    right: 'if (observation.life !== undefined && observation.life < peer.incarnation)',
    wrong: 'if (observation.life !== undefined && observation.life <= peer.incarnation)',
    breaks: 'who is gone is gone',
    season: { ...BROKEN_LINKS, workloads: ['obituaries'] },
  },
  {
    name: 'a life that was given up is talked to',
    file: 'cluster/cluster-parts.ts',
    right: 'isLost: (life) => membership.isLost(life),',
    wrong: 'isLost: (life) => membership.isLost(life) && life.incarnation < 0,',
    breaks: 'who is gone is gone',
    season: { ...BROKEN_LINKS, workloads: ['obituaries'] },
  },
  {
    name: 'nobody wakes a sleeper whose delay is over when its owner was lost',
    file: 'sharding/awakener.ts',
    right: 'else this.#sleep(shard, state, nextDueAt(state.timers), 0);',
    wrong: 'else if (shard < 0) this.#sleep(shard, state, nextDueAt(state.timers), 0);',
    breaks: 'a durable timer fires once, in its time',
    season: { ...KILLED, workloads: ['timers'] },
  },
  {
    name: 'delays are over when their entity comes alive again',
    file: 'sharding/entity-timers.ts',
    right: 'delayMs: Math.max(0, at - now), isUnnamed };',
    wrong: 'delayMs: 0 * (at - now), isUnnamed };',
    breaks: 'a durable timer fires once, in its time',
    season: { ...KILLED, workloads: ['timers'] },
  },
  {
    name: 'a delay that has been handled stays in the log',
    file: 'sharding/entity-timers.ts',
    right: '    this.rows.delete(timer);\n',
    wrong: '',
    breaks: 'a durable timer fires once, in its time',
    season: { ...KILLED, workloads: ['timers'] },
  },
  {
    name: 'remembered entities sleep on when their shard is taken over',
    file: 'sharding/awakener.ts',
    right: 'this.#starter.add(entityAddress(state), state);',
    wrong: 'this.#starter.remove(entityAddress(state));',
    breaks: 'a remembered entity comes back by itself',
    season: { ...KILLED, workloads: ['remembered'] },
  },
  {
    name: 'a durable singleton begins anew',
    file: 'sharding/entity-host.ts',
    right: 'const state = known && this.#hydration.hydrate(known, declared);',
    wrong:
      'const kept = known && this.#hydration.hydrate(known, declared);\n' +
      '    const state = kept && options.singleton ? { ...kept, snapshot: undefined } : kept;',
    season: { ...KILLED, workloads: ['steward'] },
  },
  {
    name: 'a receiver that is restored expects the last number again',
    file: 'delivery/delivery-log.ts',
    right: 'log.#next.set(channel, next);',
    wrong: 'log.#next.set(channel, Math.max(1, next - 1));',
    breaks: 'a reliable channel delivers once, in order',
    season: { ...KILLED, workloads: ['letters'] },
  },
  {
    name: 'a receiver handles what comes after a gap',
    file: 'delivery/delivery-log.ts',
    right: "return number === next ? 'handled' : 'ahead';",
    wrong: "return number >= next ? 'handled' : 'ahead';",
    breaks: 'a reliable channel delivers once, in order',
    season: { ...BROKEN_LINKS, workloads: ['letters'] },
  },
  {
    name: 'who subscribed last misses what is published',
    file: 'cluster/topics.ts',
    right: 'if (subscription.number <= upTo) yield',
    wrong: 'if (subscription.number < upTo) yield',
    breaks: 'a subscriber gets each event once, in order',
    season: { ...CALM, workloads: ['news'] },
  },
  {
    name: 'a publisher sends its events to itself, too',
    file: 'cluster/topics.ts',
    right: '    this.#giveOut(name, event);\n    let encoded',
    wrong: '    this.#giveOut(name, event);\n    this.#giveOut(name, event);\n    let encoded',
    breaks: 'a subscriber gets each event once, in order',
    season: { ...CALM, workloads: ['news'] },
  },
];

/**
 * A bug in one of the runtime's rules each, to see that the simulation of the whole cluster guards the rule. Rules that
 * another one stands behind are not here: where an owner that was replaced is stopped by its epoch, by the log and by its
 * lease, taking one of the three away lets nothing through. So a commit that the log refused as stale may be counted as
 * taken and nothing is seen of it: the entry that was refused was applied here too, by a map in which this node was the
 * owner no more, and `Activation.confirm` looks into that map before anything is released.
 */
export const CLUSTER_MUTANTS: readonly Bug[] = [
  ...LEASES,
  ...STATES,
  ...HAND_OVER,
  ...WATCHING,
  ...WORKLOADS,
];
