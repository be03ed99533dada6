import { assert, TuttiError } from '@tutti/kernel';
import type { ApplyContext } from '@tutti/runtime';
import { checkAddition } from '../../engines/workflow/check-addition.ts';
import type { CheckedPlan } from '../../engines/workflow/check-plan.ts';
import type { ExecutionMode, Plan } from '../../engines/workflow/plan.ts';
import type { RecoveryMove } from '../../resilience/recovery-move.ts';
import type { Barrier } from '../sync/barrier.ts';
import { newBarrierRecord } from '../sync/barrier.ts';
import { AddedTasks } from './added-tasks.ts';
import type { BoardIndexes } from './board-indexes.ts';
import type { AddedSubmission, FailTask, Holder, ResolveBarrier, ReturnTask } from './commands.ts';
import { type Given, newAttempt } from './given.ts';
import type { HeldAttempt } from './holders.ts';
import { Journal } from './journal.ts';
import { Progress } from './progress.ts';
import { ReadyTasks } from './ready-tasks.ts';
import type { SessionHeader } from './session-header.ts';
import {
  barrierConflict,
  type Problem,
  type TaskRefusal,
  taskFailed,
  taskFellsNodes,
} from './session-problems.ts';
import {
  ATTEMPTS_KEPT,
  type Attempt,
  type AttemptOutcome,
  type BarrierRecord,
  FELLED_MAX,
  felledInARow,
  type Intake,
  isTerminal,
  RECOVERIES_KEPT,
  type RecoveryRecord,
  type SessionRecord,
  type SessionState,
  type TaskRecord,
  type TaskState,
} from './state.ts';
import { newTaskRecord, noCounts, type TaskCounts } from './task-record.ts';
import { taskUnknown } from './task-unknown.ts';
import { WakeQueue } from './wake-queue.ts';

/**
 * One session on the board: its records, and the moves between their states. Each command's method first refuses
 * what is illegal, by throwing, and only then changes anything; only the task board calls them.
 */
export class BoardSession implements SessionRecord, SessionHeader {
  readonly id: string;
  readonly plan: Plan;
  readonly mode: ExecutionMode;
  readonly folder: string;
  readonly openedAt: number;
  readonly staysOpen: boolean;
  readonly checked: CheckedPlan;
  intake: Intake;
  state: SessionState = 'running';
  endedAt: number | undefined;
  problem: Problem | undefined;
  staleResults = 0;
  readonly tasks = new Map<string, TaskRecord>();
  readonly barriers = new Map<string, BarrierRecord>();
  readonly recoveries: RecoveryRecord[] = [];
  readonly journal: Journal;
  readonly ready: ReadyTasks;
  readonly wakes = new WakeQueue();
  readonly counts: TaskCounts;
  /** The plan's own. */
  readonly #records: readonly TaskRecord[];
  readonly added: AddedTasks;
  readonly #limits: ReadonlyMap<string, number>;
  readonly #indexes: BoardIndexes;
  #progress: Progress;

  constructor(header: SessionHeader, checked: CheckedPlan, indexes: BoardIndexes, journalLimit: number) {
    this.id = header.id;
    this.plan = header.plan;
    this.mode = header.mode;
    this.folder = header.folder;
    this.openedAt = header.openedAt;
    this.staysOpen = header.staysOpen;
    this.intake = header.staysOpen ? 'open' : 'while-running';
    this.checked = checked;
    this.#indexes = indexes;
    this.journal = new Journal(journalLimit, (index) => this.recordAt(index).plan.id);
    this.#limits = new Map(this.plan.orchestrators.map((item) => [item.id, item.maxConcurrentTasks]));
    this.#records = this.plan.tasks.map((plan, at) => newTaskRecord(plan, at, checked.levels[at]!));
    for (const record of this.#records) this.tasks.set(record.plan.id, record);
    // A task that is forgotten settled more steps ago than the journal keeps.
    this.added = new AddedTasks(this.tasks, journalLimit, ({ state }) => this.counts[state]--);
    for (const barrier of this.plan.barriers) this.barriers.set(barrier.id, newBarrierRecord(barrier));
    this.ready = new ReadyTasks(checked);
    this.counts = noCounts();
    this.counts.waiting = this.#records.length;
    this.#progress = this.#newProgress();
  }

  /** The wave that may run now; in eager mode the number of levels, since all may. */
  get level(): number {
    return this.#progress.level;
  }

  /** Makes the first tasks ready. */
  open(context: ApplyContext): void {
    for (const [index, record] of this.#records.entries())
      if (this.#progress.mayStart(index)) this.#move(record, 'ready', context);
  }

  /** Works everything out anew that follows from the records, after these were overwritten by a snapshot. */
  rebuild(): void {
    this.#progress = this.#newProgress();
    this.counts.waiting = 0;
    for (const record of this.tasks.values()) {
      this.counts[record.state]++;
      if (record.state === 'ready') this.#addReady(record);
      if (record.state === 'backoff') this.#addWake(record);
    }
  }

  get forgotten(): number {
    return this.added.forgotten;
  }

  /** The task of this index. */
  recordAt(index: number): TaskRecord {
    return this.#records[index] ?? this.added.recordAt(index)!;
  }

  /**
   * Takes the tasks of a submission in, all or none; false if it had them before.
   * @throws TuttiError `TUTTI_SUBMISSION_DIFFERS`, `TUTTI_SESSION_ENDED`, `TUTTI_SESSION_CLOSED`,
   * `TUTTI_SESSION_IN_WAVES`, `TUTTI_OVERLOADED`, `TUTTI_PLAN_*`
   */
  add({ id, tasks }: AddedSubmission, context: ApplyContext): boolean {
    const { submissions } = this.added;
    if (submissions.isKnown(this.id, id, tasks)) return false;
    this.refuseIfEnded();
    if (this.intake === 'closed') throw new TuttiError('TUTTI_SESSION_CLOSED', { session: this.id });
    if (this.mode === 'wave') throw new TuttiError('TUTTI_SESSION_IN_WAVES', { session: this.id });
    this.added.refuseTooMany(this.id, tasks.length);
    const { name, orchestrators } = this.plan;
    const levelOf = (task: string) => this.tasks.get(task)?.level;
    const levels = checkAddition({ name, orchestrators, levelOf }, tasks);
    submissions.add(id, tasks);
    const startable = this.added.add(tasks, levels);
    this.counts.waiting += tasks.length;
    for (const record of startable) this.#move(record, 'ready', context);
    return true;
  }

  /** Takes nothing more in, and ends once what is there has. */
  close(context: ApplyContext): void {
    this.intake = 'closed';
    this.#endIfFinished(context);
  }

  task(id: string): TaskRecord {
    const record = this.tasks.get(id);
    if (record) return record;
    throw taskUnknown(this, id);
  }

  hasDependants(id: string): boolean {
    const record = this.tasks.get(id);
    const { offsets } = this.checked.graph.graph.dependants;
    if (record === undefined) return false;
    const isPlanned = record.index < this.#records.length;
    if (isPlanned && offsets[record.index + 1]! > offsets[record.index]!) return true;
    return this.added.hasDependants(record);
  }

  barrier(id: string): Barrier {
    const found = this.#progress.barrier(id);
    if (!found) throw new TuttiError('TUTTI_BARRIER_UNKNOWN', { session: this.id, barrier: id });
    return found;
  }

  refuseIfEnded(): void {
    if (this.state === 'running') return;
    throw new TuttiError('TUTTI_SESSION_ENDED', { session: this.id, state: this.state });
  }

  limitOf(orchestrator: string): number {
    return this.#limits.get(orchestrator) ?? 0;
  }

  /** @throws TuttiError `TUTTI_TASK_UNKNOWN`, `TUTTI_TASK_NOT_READY` */
  assign(id: string, given: Given, context: ApplyContext): Attempt {
    const record = this.task(id);
    if (record.state !== 'ready') throw this.#refusal('TUTTI_TASK_NOT_READY', record);
    return this.give(record, given, context);
  }

  /** Gives away a task that is ready. */
  give(record: TaskRecord, given: Given, context: ApplyContext): Attempt {
    const { orchestrator } = record.plan;
    const { holders } = this.#indexes;
    const begins =
      given.begin && holders.laneLoad(orchestrator, given.node).running < this.limitOf(orchestrator);
    const attempt = newAttempt(++record.attemptCount, given, begins, context.timeMs);
    if (record.attempts.push(attempt) > ATTEMPTS_KEPT) record.attempts.shift();
    this.#move(record, 'assigned', context);
    this.#indexes.turns.served(orchestrator, this);
    if (begins) this.#move(record, 'running', context);
    holders.add({ session: this.id, record, attempt });
    return attempt;
  }

  /** @throws TuttiError `TUTTI_FENCE_STALE`, `TUTTI_ORCHESTRATOR_FULL` */
  start(id: string, fence: number, context: ApplyContext): TaskRecord {
    const record = this.task(id);
    const attempt = this.#attempt(record, fence);
    if (record.state === 'running') return record;
    const { orchestrator } = record.plan;
    const size = this.#indexes.holders.load(this.id, orchestrator, attempt.node).running;
    const limit = this.limitOf(orchestrator);
    if (size >= limit)
      throw new TuttiError('TUTTI_ORCHESTRATOR_FULL', { orchestrator, node: attempt.node, size, limit });
    attempt.startedAt = context.timeMs;
    this.#indexes.holders.started({ session: this.id, record, attempt });
    this.#move(record, 'running', context);
    return record;
  }

  /** @throws TuttiError `TUTTI_FENCE_STALE`, `TUTTI_TASK_NOT_RUNNING` */
  complete(id: string, fence: number, output: unknown, context: ApplyContext): TaskRecord {
    const record = this.task(id);
    if (record.state === 'done' && record.attempts.at(-1)!.fence === fence) return record;
    this.#attempt(record, fence);
    if (record.state !== 'running') throw this.#refusal('TUTTI_TASK_NOT_RUNNING', record);
    this.#endAttempt(record, 'done', undefined, context);
    record.output = output ?? null;
    record.completions++;
    this.#settle(record, 'done', context);
    return record;
  }

  /** @throws TuttiError `TUTTI_FENCE_STALE` */
  fail(command: FailTask, context: ApplyContext): TaskRecord {
    const record = this.task(command.task);
    const { node } = this.#attempt(record, command.fence);
    this.#endAttempt(record, 'failed', command.problem, context);
    record.failures++;
    if (command.recovery)
      this.#recover({ at: context.timeMs, node, move: command.recovery, tasks: [command.task] });
    const again = command.retryable && record.failures < record.plan.retry.attemptsMax;
    if (again) this.#retry(record, command.retryInMs, context);
    else if (record.plan.optional) this.#giveUp(record, command.problem.message, context);
    else this.#failFor(record, command.problem, context);
    return record;
  }

  #retry(record: TaskRecord, retryInMs: number, context: ApplyContext): void {
    if (retryInMs > 0) record.retryAt = context.timeMs + retryInMs;
    this.#move(record, retryInMs > 0 ? 'backoff' : 'ready', context);
  }

  #failFor(record: TaskRecord, problem: Problem, context: ApplyContext): void {
    this.#move(record, 'failed', context);
    this.end('failed', taskFailed(record, problem), context);
  }

  /** Puts an attempt back to ready without counting it. @throws TuttiError `TUTTI_FENCE_STALE` */
  giveBack({ task, fence, reason, recovery }: ReturnTask, context: ApplyContext): TaskRecord {
    const record = this.task(task);
    const { node } = this.#attempt(record, fence);
    const code = recovery === 'restart' ? 'TUTTI_ORCHESTRATOR_RESTARTED' : 'TUTTI_ABORTED';
    this.#endAttempt(record, 'returned', { code, message: reason }, context);
    if (recovery) this.#recover({ at: context.timeMs, node, move: recovery, tasks: [task] });
    this.#offerAgain(record, context);
    return record;
  }

  /** After an attempt that was nobody's fault; unless there have been so many that it must be the task's. */
  #offerAgain(record: TaskRecord, context: ApplyContext): void {
    if (felledInARow(record.attempts) < FELLED_MAX) return this.#move(record, 'ready', context);
    const { code, message } = taskFellsNodes(record);
    if (record.plan.optional) return this.#giveUp(record, message, context);
    this.#failFor(record, { code, message }, context);
  }

  /** @throws TuttiError `TUTTI_TASK_NOT_IN_BACKOFF` */
  wake(id: string, context: ApplyContext): TaskRecord {
    const record = this.task(id);
    if (record.state !== 'backoff') throw this.#refusal('TUTTI_TASK_NOT_IN_BACKOFF', record);
    record.retryAt = undefined;
    this.#move(record, 'ready', context);
    return record;
  }

  /** Puts back what a lost holder had of this session. */
  lose(held: readonly HeldAttempt[], holder: Holder, move: RecoveryMove, context: ApplyContext): void {
    for (const { record } of held) this.#endAttempt(record, 'lost', undefined, context);
    for (const { record } of held) if (!isTerminal(record.state)) this.#offerAgain(record, context);
    const tasks = held.map(({ record }) => record.plan.id);
    this.#recover({ at: context.timeMs, node: holder.node, move, tasks });
  }

  #recover(recovery: RecoveryRecord): void {
    this.recoveries.push(recovery);
    if (this.recoveries.length > RECOVERIES_KEPT) this.recoveries.shift();
  }

  /** @throws TuttiError `TUTTI_TASK_NOT_OPTIONAL`, `TUTTI_TASK_ENDED` */
  degrade(id: string, reason: string, context: ApplyContext): TaskRecord {
    const record = this.task(id);
    if (record.state === 'degraded') return record;
    if (isTerminal(record.state)) throw this.#refusal('TUTTI_TASK_ENDED', record);
    if (!record.plan.optional) throw this.#refusal('TUTTI_TASK_NOT_OPTIONAL', record);
    this.#endAttempt(record, 'cancelled', undefined, context);
    this.#giveUp(record, reason, context);
    return record;
  }

  /** @throws TuttiError `TUTTI_BARRIER_UNKNOWN`, `TUTTI_BARRIER_NOT_FULL` */
  resolve(command: ResolveBarrier, context: ApplyContext): void {
    const barrier = this.barrier(command.barrier);
    const { id, generation, state } = barrier.record;
    if (state !== 'full' || generation !== command.generation)
      throw new TuttiError('TUTTI_BARRIER_NOT_FULL', { barrier: id, generation: command.generation, state });
    this.#makeReady(this.#progress.resolve(barrier, command.conflicts, context.timeMs), context);
    const conflict = command.conflicts[0];
    if (conflict) this.end('failed', barrierConflict(id, conflict), context);
    this.#endIfFinished(context);
  }

  /** Ends the session before its time: what runs loses its fence, and nothing new starts. */
  end(state: 'failed' | 'cancelled', problem: TuttiError, context: ApplyContext): void {
    assert(this.state === 'running', 'a session ends once');
    this.state = state;
    this.endedAt = context.timeMs;
    this.problem = { code: problem.code, message: problem.message };
    for (const record of this.tasks.values()) {
      if (isTerminal(record.state)) continue;
      record.retryAt = undefined;
      record.reason = problem.message;
      this.#endAttempt(record, 'cancelled', undefined, context);
      this.#move(record, 'cancelled', context);
    }
  }

  #giveUp(record: TaskRecord, reason: string, context: ApplyContext): void {
    record.reason = reason;
    record.retryAt = undefined;
    this.#settle(record, 'degraded', context);
  }

  #settle(record: TaskRecord, to: 'done' | 'degraded', context: ApplyContext): void {
    this.#move(record, to, context);
    if (record.index < this.#records.length)
      this.#makeReady(this.#progress.settle(record.index, context.timeMs), context);
    for (const startable of this.added.settle(record))
      if (startable.state === 'waiting') this.#move(startable, 'ready', context);
    this.#endIfFinished(context);
  }

  #makeReady(startable: readonly number[], context: ApplyContext): void {
    for (const index of startable) {
      const record = this.#records[index]!;
      if (record.state === 'waiting') this.#move(record, 'ready', context);
    }
  }

  #endIfFinished(context: ApplyContext): void {
    if (this.state !== 'running' || this.intake === 'open') return;
    if (!this.#progress.finished || this.added.open > 0) return;
    this.state = 'done';
    this.endedAt = context.timeMs;
  }

  /** The attempt that this fence belongs to, if it is the one that counts; else the refusal, which is counted. */
  #attempt(record: TaskRecord, fence: number): Attempt {
    const attempt = record.attempts.at(-1);
    if (attempt?.fence === fence && attempt.outcome === undefined) return attempt;
    this.staleResults++;
    const why =
      attempt?.fence === fence
        ? `the attempt was ${attempt.outcome}`
        : `the latest is ${attempt?.fence ?? 'none'}`;
    throw new TuttiError('TUTTI_FENCE_STALE', { session: this.id, task: record.plan.id, fence, why });
  }

  /** Ends the attempt that is held, if one is. To be called before the record moves on. */
  #endAttempt(
    record: TaskRecord,
    outcome: AttemptOutcome,
    problem: Problem | undefined,
    context: ApplyContext,
  ): void {
    const attempt = record.attempts.at(-1);
    if (!attempt || attempt.outcome !== undefined) return;
    this.#indexes.holders.remove({ session: this.id, record, attempt });
    attempt.outcome = outcome;
    attempt.problem = problem;
    attempt.endedAt = context.timeMs;
  }

  /** The one place where a task changes its state. */
  #move(record: TaskRecord, to: TaskState, context: ApplyContext): void {
    const from = record.state;
    record.state = to;
    this.counts[from]--;
    this.counts[to]++;
    if (from === 'ready') this.#removeReady(record);
    if (from === 'backoff') this.#removeWake();
    if (to === 'backoff') this.#addWake(record);
    if (to === 'ready') {
      this.#addReady(record);
      record.readyAt = context.timeMs;
    }
    const attempt = from === 'waiting' ? undefined : record.attempts.at(-1);
    if (to === 'cancelled' && from !== 'assigned' && from !== 'running') return;
    const number = attempt?.number ?? 0;
    const fence = attempt?.fence ?? 0;
    this.journal.note(context.index, context.timeMs, record.index, from, to, number, fence, attempt?.node);
  }

  #addReady({ index, plan }: TaskRecord): void {
    this.ready.add(index, plan.orchestrator);
    this.#indexes.turns.join(plan.orchestrator, this);
  }

  #removeReady({ index, plan }: TaskRecord): void {
    this.ready.delete(index, plan.orchestrator);
    if (this.ready.first(plan.orchestrator) === undefined) this.#indexes.turns.leave(plan.orchestrator, this);
  }

  #addWake(record: TaskRecord): void {
    this.wakes.add(record);
    this.#indexes.waking.add(this);
  }

  #removeWake(): void {
    this.wakes.removed();
    if (this.wakes.size === 0) this.#indexes.waking.delete(this);
  }

  #refusal(code: TaskRefusal, record: TaskRecord): TuttiError {
    return new TuttiError(code, { session: this.id, task: record.plan.id, state: record.state });
  }

  #newProgress(): Progress {
    return new Progress(this.checked, this.mode, this.#records, [...this.barriers.values()]);
  }
}
