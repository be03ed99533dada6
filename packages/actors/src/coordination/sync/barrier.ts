import { assert } from '@tutti/kernel';
import type { PlanBarrier } from '../../engines/workflow/plan.ts';
import type { BarrierRecord } from '../board/state.ts';
import type { Conflict } from '../conflict/conflict.ts';

/**
 * A replicated barrier, as a pure state machine: `filling` -> `full` -> `released` or `conflict`. It is a phaser of
 * one generation (J. Shirako and others, Phasers, ICS 2008): arriving is not waiting, a participant arrives when its
 * last task is settled, and the others are not asked. There is no timeout here and none is needed: a task that hangs
 * meets its own timeout, and a participant that dies has its tasks given to somebody else or fails the session.
 */
export class Barrier {
  readonly plan: PlanBarrier;
  readonly record: BarrierRecord;
  /** Settlements that each participant still owes, and all of them together. */
  readonly #owed = new Map<string, number>();
  #owedInAll = 0;

  /** @param owing The orchestrator of each task in `after` that is not settled, once per task and mention. */
  constructor(plan: PlanBarrier, record: BarrierRecord, owing: Iterable<string>) {
    this.plan = plan;
    this.record = record;
    for (const participant of owing) {
      this.#owed.set(participant, (this.#owed.get(participant) ?? 0) + 1);
      this.#owedInAll++;
    }
  }

  /**
   * One task of this orchestrator in `after` is settled: the last one is its arrival, and the last arrival fills the
   * barrier. Without a check to wait for, it is then released in the same breath. True if it was released.
   */
  settled(orchestrator: string, timeMs: number): boolean {
    const owed = (this.#owed.get(orchestrator) ?? 0) - 1;
    assert(owed >= 0 && this.record.state === 'filling', 'a settled task was owed to its barrier');
    this.#owed.set(orchestrator, owed);
    this.#owedInAll--;
    if (owed === 0) this.record.arrivals.set(orchestrator, timeMs);
    if (this.#owedInAll > 0) return false;
    this.record.state = 'full';
    if (this.plan.check !== undefined) return false;
    this.#release(timeMs);
    return true;
  }

  /** The outcome of the check on a full barrier. True if it was released. */
  resolve(conflicts: readonly Conflict[], timeMs: number): boolean {
    assert(this.record.state === 'full', 'only a full barrier is resolved');
    if (conflicts.length === 0) {
      this.#release(timeMs);
      return true;
    }
    this.record.state = 'conflict';
    this.record.conflicts = conflicts;
    return false;
  }

  /** Participants that have not arrived, in the plan's order. */
  missing(): string[] {
    return this.plan.participants.filter((participant) => !this.record.arrivals.has(participant));
  }

  #release(timeMs: number): void {
    this.record.state = 'released';
    this.record.releasedAt = timeMs;
  }
}

/** A barrier that nobody has reached yet. */
export function newBarrierRecord(plan: PlanBarrier): BarrierRecord {
  return {
    id: plan.id,
    title: plan.title,
    participants: plan.participants,
    generation: 1,
    state: 'filling',
    arrivals: new Map(),
    releasedAt: undefined,
    conflicts: [],
  };
}
