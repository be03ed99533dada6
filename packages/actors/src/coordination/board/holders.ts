import type { Incarnation, NodeId } from '@tutti/kernel';
import type { Holder } from './commands.ts';
import type { Attempt, TaskRecord } from './state.ts';

/** One attempt that a node has: offered (`assigned`) or running. */
export interface HeldAttempt {
  readonly session: string;
  readonly record: TaskRecord;
  readonly attempt: Attempt;
}

/** How many attempts one orchestrator has on one node, for one session or for all. */
export interface Load {
  readonly held: number;
  readonly running: number;
}

interface Counter {
  held: number;
  running: number;
}

/** One life of a node, and what it holds: in all, and by orchestrator. Fences ascend. */
interface Hands {
  readonly holder: Holder;
  readonly all: Map<number, HeldAttempt>;
  readonly byOrchestrator: Map<string, Map<number, HeldAttempt>>;
}

const IDLE: Load = { held: 0, running: 0 };
const NOTHING: ReadonlyMap<number, HeldAttempt> = new Map();

/** Who holds what, over all sessions: looked up by holder in one step, and counted per orchestrator and node. */
export class HolderIndex {
  readonly #lives = new Map<NodeId, Map<Incarnation, Hands>>();
  /** Over all sessions: orchestrator, then node. */
  readonly #lanes = new Map<string, Map<NodeId, Counter>>();
  /** Of each session that has something held: orchestrator, then node. */
  readonly #sessions = new Map<string, Map<string, Map<NodeId, Counter>>>();

  /** Must be called in the order of fences, so that {@link of} answers in that order. */
  add(held: HeldAttempt): void {
    const { attempt, record, session } = held;
    const { orchestrator } = record.plan;
    const hands = this.#hands(attempt);
    hands.all.set(attempt.fence, held);
    entryOf(hands.byOrchestrator, orchestrator, newMap<number, HeldAttempt>).set(attempt.fence, held);
    const running = record.state === 'running' ? 1 : 0;
    const loads = entryOf(this.#sessions, session, newMap<string, Map<NodeId, Counter>>);
    for (const counts of [this.#lanes, loads]) {
      const load = entryOf(entryOf(counts, orchestrator, newMap<NodeId, Counter>), attempt.node, newCounter);
      load.held++;
      load.running += running;
    }
  }

  started({ attempt, record, session }: HeldAttempt): void {
    const { orchestrator } = record.plan;
    this.#lanes.get(orchestrator)!.get(attempt.node)!.running++;
    this.#sessions.get(session)!.get(orchestrator)!.get(attempt.node)!.running++;
  }

  /** To be called while the record still has the state it was held in. */
  remove({ attempt, record, session }: HeldAttempt): void {
    const { node, incarnation, fence } = attempt;
    const { orchestrator } = record.plan;
    const lives = this.#lives.get(node);
    const hands = lives?.get(incarnation);
    if (!hands?.all.delete(fence)) return;
    hands.byOrchestrator.get(orchestrator)!.delete(fence);
    if (hands.all.size === 0) lives!.delete(incarnation);
    if (lives!.size === 0) this.#lives.delete(node);
    const running = record.state === 'running' ? 1 : 0;
    const loads = this.#sessions.get(session)!;
    for (const counts of [this.#lanes, loads]) release(counts, orchestrator, node, running);
    if (loads.size === 0) this.#sessions.delete(session);
  }

  /** By fence, oldest first; of one orchestrator if it is given. Not a copy. */
  of(node: NodeId, incarnation: Incarnation, orchestrator?: string): ReadonlyMap<number, HeldAttempt> {
    const hands = this.#lives.get(node)?.get(incarnation);
    const held = orchestrator === undefined ? hands?.all : hands?.byOrchestrator.get(orchestrator);
    return held ?? NOTHING;
  }

  /** Every life of a node that holds an attempt. */
  holders(): Holder[] {
    const holders: Holder[] = [];
    for (const lives of this.#lives.values()) for (const { holder } of lives.values()) holders.push(holder);
    return holders;
  }

  load(session: string, orchestrator: string, node: NodeId): Load {
    return this.#sessions.get(session)?.get(orchestrator)?.get(node) ?? IDLE;
  }

  /** Of one orchestrator on one node, over all sessions. */
  laneLoad(orchestrator: string, node: NodeId): Load {
    return this.#lanes.get(orchestrator)?.get(node) ?? IDLE;
  }

  #hands({ node, incarnation }: Attempt): Hands {
    const lives = entryOf(this.#lives, node, newMap<Incarnation, Hands>);
    let hands = lives.get(incarnation);
    if (!hands) {
      hands = { holder: { node, incarnation }, all: new Map(), byOrchestrator: new Map() };
      lives.set(incarnation, hands);
    }
    return hands;
  }
}

function newMap<Key, Value>(): Map<Key, Value> {
  return new Map();
}

function newCounter(): Counter {
  return { held: 0, running: 0 };
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

function release(
  counts: Map<string, Map<NodeId, Counter>>,
  orchestrator: string,
  node: NodeId,
  running: number,
): void {
  const nodes = counts.get(orchestrator)!;
  const load = nodes.get(node)!;
  load.held--;
  load.running -= running;
  if (load.held > 0) return;
  nodes.delete(node);
  if (nodes.size === 0) counts.delete(orchestrator);
}

/** Every attempt that is held in these sessions, oldest fence first. */
export function heldByFence(
  sessions: Iterable<{ readonly id: string; readonly tasks: ReadonlyMap<string, TaskRecord> }>,
): HeldAttempt[] {
  const held: HeldAttempt[] = [];
  for (const { id, tasks } of sessions)
    for (const record of tasks.values()) {
      const attempt = record.attempts.at(-1);
      if (attempt && attempt.outcome === undefined) held.push({ session: id, record, attempt });
    }
  return held.sort((a, b) => a.attempt.fence - b.attempt.fence);
}
