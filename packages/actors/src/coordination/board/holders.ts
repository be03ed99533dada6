import type { Incarnation, NodeId } from '@tutti/kernel';
import type { Holder } from './commands.ts';
import type { Attempt, TaskRecord } from './state.ts';

/** One attempt that a node has: offered (`assigned`) or running. */
export interface HeldAttempt {
  readonly session: string;
  readonly record: TaskRecord;
  readonly attempt: Attempt;
}

/** How many attempts one orchestrator has on one node, for one session. */
export interface Load {
  readonly held: number;
  readonly running: number;
}

const IDLE: Load = { held: 0, running: 0 };

/** Who holds what, over all sessions: looked up by holder in one step, and counted per orchestrator and node. */
export class HolderIndex {
  readonly #byHolder = new Map<string, Map<number, HeldAttempt>>();
  readonly #loads = new Map<string, { held: number; running: number }>();

  /** Must be called in the order of fences, so that {@link of} answers in that order. */
  add(held: HeldAttempt): void {
    const key = holderKey(held.attempt);
    let attempts = this.#byHolder.get(key);
    if (!attempts) this.#byHolder.set(key, (attempts = new Map()));
    attempts.set(held.attempt.fence, held);
    const load = this.#load(held);
    load.held++;
    if (held.record.state === 'running') load.running++;
  }

  started(held: HeldAttempt): void {
    this.#load(held).running++;
  }

  /** To be called while the record still has the state it was held in. */
  remove(held: HeldAttempt): void {
    const key = holderKey(held.attempt);
    const attempts = this.#byHolder.get(key);
    if (!attempts?.delete(held.attempt.fence)) return;
    if (attempts.size === 0) this.#byHolder.delete(key);
    const load = this.#load(held);
    load.held--;
    if (held.record.state === 'running') load.running--;
    if (load.held === 0)
      this.#loads.delete(loadKey(held.session, held.record.plan.orchestrator, held.attempt.node));
  }

  /** By fence, oldest first. */
  of(node: NodeId, incarnation: Incarnation): HeldAttempt[] {
    return [...(this.#byHolder.get(holderKey({ node, incarnation }))?.values() ?? [])];
  }

  /** Every life of a node that holds an attempt. */
  holders(): Holder[] {
    const holders: Holder[] = [];
    for (const attempts of this.#byHolder.values()) {
      for (const { attempt } of attempts.values()) {
        holders.push({ node: attempt.node, incarnation: attempt.incarnation });
        break;
      }
    }
    return holders;
  }

  load(session: string, orchestrator: string, node: NodeId): Load {
    return this.#loads.get(loadKey(session, orchestrator, node)) ?? IDLE;
  }

  #load(held: HeldAttempt): { held: number; running: number } {
    const key = loadKey(held.session, held.record.plan.orchestrator, held.attempt.node);
    let load = this.#loads.get(key);
    if (!load) this.#loads.set(key, (load = { held: 0, running: 0 }));
    return load;
  }
}

function holderKey(holder: Holder): string {
  return `${holder.node}/${holder.incarnation}`;
}

function loadKey(session: string, orchestrator: string, node: NodeId): string {
  return JSON.stringify([session, orchestrator, node]);
}
