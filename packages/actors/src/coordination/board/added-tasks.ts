import { assert, Ring, TuttiError } from '@tutti/kernel';
import { PLAN_LIMITS } from '../../engines/workflow/check-plan.ts';
import type { PlanTask } from '../../engines/workflow/plan.ts';
import { isSettled, type TaskRecord } from './state.ts';
import { Submissions } from './submissions.ts';
import { newTaskRecord } from './task-record.ts';

/** What a snapshot keeps of {@link AddedTasks} beside the records. */
export interface AddedRest {
  readonly nextIndex: number;
  readonly forgotten: number;
}

/**
 * The tasks that were added to a session since it was opened: what each still waits for, and which of those that are
 * settled are kept for looking at. A plan's own tasks are counted through in arrays that are made once; these come and
 * go one by one, so each has its own list of who needs it. A step costs the task's own needs and dependants.
 */
export class AddedTasks {
  readonly submissions = new Submissions();
  readonly #records = new Map<number, TaskRecord>();
  /** All tasks of the session by id, the plan's own too: {@link add} and {@link forget} keep it. */
  readonly #byId: Map<string, TaskRecord>;
  /** Of those that wait: how many needs are not settled. */
  readonly #unmet = new Map<number, number>();
  /** By what they need: those that are not settled. */
  readonly #dependants = new Map<number, Set<TaskRecord>>();
  /** Settled, in that order: as many as are kept. */
  readonly #settled: Ring<TaskRecord>;
  readonly #keptMax: number;
  /** Settled too long ago to be kept for their own sake; the output is wanted still. */
  readonly #overdue = new Set<TaskRecord>();
  #open = 0;
  #nextIndex: number;
  #forgotten = 0;

  readonly #forgot: (record: TaskRecord) => void;

  /** @param byId Has the plan's own tasks. @param forgot Told of each that is not kept any more. */
  constructor(byId: Map<string, TaskRecord>, keptMax: number, forgot: (record: TaskRecord) => void) {
    this.#byId = byId;
    this.#forgot = forgot;
    this.#nextIndex = byId.size;
    this.#keptMax = keptMax;
    this.#settled = new Ring(keptMax + 1);
  }

  /** Tasks that are not settled. */
  get open(): number {
    return this.#open;
  }

  /** Those that were settled and are no more here. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Whether anything was ever added. */
  get isUsed(): boolean {
    return this.#records.size > 0 || this.#forgotten > 0;
  }

  get rest(): AddedRest {
    return { nextIndex: this.#nextIndex, forgotten: this.#forgotten };
  }

  /** @throws TuttiError `TUTTI_OVERLOADED` if there would be more at once than a plan may have */
  refuseTooMany(session: string, more: number): void {
    const [size, limit] = [this.#records.size, PLAN_LIMITS.tasks];
    if (size + more > limit)
      throw new TuttiError('TUTTI_OVERLOADED', { what: `What was added to ${session}`, size, limit });
  }

  recordAt(index: number): TaskRecord | undefined {
    return this.#records.get(index);
  }

  /** By index, which is the order they came in. */
  records(): IterableIterator<TaskRecord> {
    return this.#records.values();
  }

  hasDependants({ index }: TaskRecord): boolean {
    return this.#dependants.has(index);
  }

  /** Takes in tasks that have been checked. Answers those that need nothing that is not settled. */
  add(tasks: readonly PlanTask[], levels: Int32Array): TaskRecord[] {
    const records = tasks.map((task, at) => newTaskRecord(task, this.#nextIndex++, levels[at]!));
    for (const record of records) this.#keep(record);
    return records.filter((record) => this.#wait(record));
  }

  /** A task of the session, of the plan or added, is settled. Answers which added ones may start because of it. */
  settle(record: TaskRecord): TaskRecord[] {
    const startable: TaskRecord[] = [];
    for (const dependant of this.#dependants.get(record.index) ?? []) {
      const unmet = this.#unmet.get(dependant.index);
      if (unmet === undefined) continue;
      if (unmet > 1) this.#unmet.set(dependant.index, unmet - 1);
      else {
        this.#unmet.delete(dependant.index);
        startable.push(dependant);
      }
    }
    if (this.#records.has(record.index)) this.#over(record);
    return startable;
  }

  #keep(record: TaskRecord): void {
    this.#records.set(record.index, record);
    this.#byId.set(record.plan.id, record);
  }

  /** Whether it has nothing to wait for. */
  #wait(record: TaskRecord): boolean {
    this.#open++;
    let unmet = 0;
    for (const need of record.plan.needs) {
      const needed = this.#byId.get(need)!;
      let dependants = this.#dependants.get(needed.index);
      if (!dependants) this.#dependants.set(needed.index, (dependants = new Set()));
      dependants.add(record);
      if (!isSettled(needed.state)) unmet++;
    }
    if (unmet > 0) this.#unmet.set(record.index, unmet);
    return unmet === 0;
  }

  /** One that was added is settled: it wants nothing any more, and is kept for a while. */
  #over(record: TaskRecord): void {
    this.#open--;
    assert(this.#open >= 0, 'a task is settled once');
    // One that is given up may not have waited to the end.
    this.#unmet.delete(record.index);
    for (const need of record.plan.needs) this.#wantsNoMore(this.#byId.get(need)!, record);
    this.#settled.push(record);
    if (this.#settled.size <= this.#keptMax) return;
    const oldest = this.#settled.shift()!;
    if (this.#dependants.has(oldest.index)) this.#overdue.add(oldest);
    else this.#forget(oldest);
  }

  #wantsNoMore(needed: TaskRecord, record: TaskRecord): void {
    const dependants = this.#dependants.get(needed.index)!;
    dependants.delete(record);
    if (dependants.size > 0) return;
    this.#dependants.delete(needed.index);
    if (this.#overdue.delete(needed)) this.#forget(needed);
  }

  #forget(record: TaskRecord): void {
    this.#records.delete(record.index);
    this.#byId.delete(record.plan.id);
    this.#forgotten++;
    this.#forgot(record);
  }

  /** Settled and kept, in that order, for a snapshot. */
  settledIndexes(): number[] {
    return Array.from(this.#settled, ({ index }) => index);
  }

  /** Records from a snapshot, before they are overwritten with what had become of them. */
  restoreTasks(
    rows: readonly (readonly [index: number, level: number, plan: PlanTask])[],
    rest: AddedRest,
  ): void {
    for (const [index, level, plan] of rows) this.#keep(newTaskRecord(plan, index, level));
    this.#nextIndex = rest.nextIndex;
    this.#forgotten = rest.forgotten;
  }

  /** Works out what follows from the records, once these are as the snapshot has them. */
  rebuild(settled: readonly number[]): void {
    const kept = new Set(settled);
    for (const record of this.#records.values())
      if (!isSettled(record.state)) this.#wait(record);
      else if (!kept.has(record.index)) this.#overdue.add(record);
    for (const index of settled) this.#settled.push(this.#records.get(index)!);
  }
}
