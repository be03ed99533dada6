import type { NodeId } from '@tutti/kernel';
import type { RecoveryMove } from './recovery-move.ts';

/** A task that the failed part held. */
export interface ImpactedTask {
  readonly session: string;
  readonly task: string;
  readonly orchestrator: string;
  readonly optional: boolean;
}

/** A node that is still there. */
export interface Peer {
  readonly node: NodeId;
  /** Tasks that each orchestrator on it could take at once, by orchestrator; absent where it has none of that name. */
  readonly free: Readonly<Record<string, number>>;
}

/** What a failure means: what was lost, and what there is to go on with. */
export interface FailureImpact {
  /** An orchestrator crashed on a node that lives, or the whole node is gone. */
  readonly failed: 'orchestrator' | 'node';
  /** Who failed, for the words. */
  readonly who: string;
  /** The supervisor has given up on the orchestrator: too many restarts in its window. Default false. */
  readonly restartsExhausted?: boolean;
  readonly held: readonly ImpactedTask[];
  readonly peers: readonly Peer[];
}

/** What to do about it. */
export interface Recovery {
  readonly move: RecoveryMove;
  /** Why this and not another, as a sentence. */
  readonly why: string;
  /** `failover`: the node that takes all of it. */
  readonly to?: NodeId;
  /** `degrade`: the optional tasks to give up. */
  readonly giveUp: readonly ImpactedTask[];
  /** What only a person can mend, if there is something. */
  readonly escalate?: string;
}

/** More tasks than this are spread even where one node could take them all: so much on one is the next overload. */
export const FAILOVER_TASKS_MAX = 16;

/**
 * Chooses the recovery from its impact. In this order, the first that fits:
 *
 * | failed | held, and what the peers have | move |
 * |---|---|---|
 * | orchestrator, restarts left | anything | `restart`: the node is there, and so is its place |
 * | otherwise | nothing | `failover`: nothing has to move, the place is taken over when it is needed |
 * | otherwise | an orchestrator that no peer has | `degrade`: its optional tasks are given up, the rest waits, escalate |
 * | otherwise | up to 16 tasks, one peer has room for all | `failover` to the one with most room |
 * | otherwise | any | `redistribute`: what finds no room now waits its turn |
 */
export function chooseRecovery(impact: FailureImpact): Recovery {
  const { failed, who, held, peers } = impact;
  if (failed === 'orchestrator' && !impact.restartsExhausted)
    return {
      move: 'restart',
      why: `${who} crashed on a node that is up; its supervisor starts it again`,
      giveUp: [],
    };
  if (held.length === 0)
    return { move: 'failover', why: `${who} held nothing that would have to move`, giveUp: [] };
  const needed = countBy(held);
  const homeless = [...needed.keys()].filter((name) => peers.every((peer) => peer.free[name] === undefined));
  if (homeless.length > 0) return degrade(impact, homeless);
  const taker = peers
    .filter((peer) => [...needed].every(([name, count]) => (peer.free[name] ?? 0) >= count))
    .reduce<Peer | undefined>(
      (best, peer) => (best && room(best, needed) >= room(peer, needed) ? best : peer),
      undefined,
    );
  if (taker && held.length <= FAILOVER_TASKS_MAX)
    return {
      move: 'failover',
      why: `${taker.node} has room for all ${held.length} tasks of ${who}`,
      to: taker.node,
      giveUp: [],
    };
  const why = taker
    ? `${held.length} tasks of ${who} are more than one node should take over at once`
    : `no single node has room for all ${held.length} tasks of ${who}`;
  return { move: 'redistribute', why, giveUp: [] };
}

function degrade({ who, held, peers }: FailureImpact, homeless: readonly string[]): Recovery {
  const lost = held.filter((task) => homeless.includes(task.orchestrator));
  const giveUp = lost.filter((task) => task.optional);
  const waiting = lost.length - giveUp.length;
  const names = homeless.join(', ');
  const why =
    peers.length === 0 ? `no other node is up to take over from ${who}` : `no node that is up has ${names}`;
  const escalate = `Start a node that runs ${names}: ${waiting} tasks wait for one, ${giveUp.length} optional ones are given up.`;
  return { move: 'degrade', why, giveUp, escalate };
}

function countBy(held: readonly ImpactedTask[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { orchestrator } of held) counts.set(orchestrator, (counts.get(orchestrator) ?? 0) + 1);
  return counts;
}

/** Places a peer has for the orchestrators in question. */
function room(peer: Peer, needed: ReadonlyMap<string, number>): number {
  return [...needed.keys()].reduce((sum, name) => sum + (peer.free[name] ?? 0), 0);
}
