import { TuttiError } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { partsOf, type SingleCommand } from './commands.ts';
import { isTerminal, type TaskRecord } from './state.ts';
import type { TaskBoard } from './task-board.ts';
import { taskUnknown } from './task-unknown.ts';
import { abortableWaiter, type Waiter } from './waiter.ts';

/** One task that is waited for, as this node's copy had it: it may be over and forgotten in one breath. */
interface Waited {
  readonly record: TaskRecord;
  readonly waiters: Set<Waiter<TaskRecord>>;
}

/** Most calls that wait for tasks at once on one node. */
const WAITERS_MAX = 100_000;

/** Those who wait for single tasks to be over, told by one watcher of the board however many they are. */
export class TaskWaiters {
  readonly #board: ReplicatedHandle<TaskBoard>;
  /** By session, then by task. */
  readonly #waiting = new Map<string, Map<string, Waited>>();
  readonly #unwatch: () => void;
  #count = 0;
  #closed = false;

  constructor(board: ReplicatedHandle<TaskBoard>) {
    this.#board = board;
    this.#unwatch = board.watch({
      applied: (command) => {
        if (this.#count > 0) for (const part of partsOf(command)) this.#applied(part);
      },
      restored: () => this.#settleAll(),
    });
  }

  #applied(part: SingleCommand): void {
    if (part.type === 'holder.lost') return this.#settleAll();
    if (!('session' in part)) return;
    const tasks = this.#waiting.get(part.session);
    if (!tasks) return;
    // The end of a session is the end of all its tasks, whichever of them it came with.
    const hasEnded = this.#board.module.session(part.session)?.state !== 'running';
    if (hasEnded) for (const task of tasks.keys()) this.#settle(part.session, task);
    else if ('task' in part) this.#settle(part.session, part.task);
  }

  #settleAll(): void {
    for (const [session, tasks] of this.#waiting)
      for (const task of tasks.keys()) this.#settle(session, task);
  }

  /** @throws TuttiError `TUTTI_SESSION_UNKNOWN`, `TUTTI_TASK_UNKNOWN`, `TUTTI_OVERLOADED`, `TUTTI_ABORTED`, `TUTTI_CLOSED` */
  async waitFor(session: string, task: string, signal?: AbortSignal): Promise<TaskRecord> {
    if (!this.#find(session, task)) await this.#board.readBarrier();
    if (this.#closed) throw closed();
    const record = this.#find(session, task);
    const found = this.#board.module.session(session);
    if (!found) throw new TuttiError('TUTTI_SESSION_UNKNOWN', { session });
    if (!record) throw taskUnknown(found, task);
    if (isTerminal(record.state)) return record;
    if (this.#count >= WAITERS_MAX)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: 'The list of those who wait for tasks',
        size: this.#count,
        limit: WAITERS_MAX,
      });
    return this.#wait(session, record, signal);
  }

  #find(session: string, task: string): TaskRecord | undefined {
    return this.#board.module.session(session)?.tasks.get(task);
  }

  #wait(session: string, record: TaskRecord, signal: AbortSignal | undefined): Promise<TaskRecord> {
    const task = record.plan.id;
    return new Promise((resolve, reject) => {
      let tasks = this.#waiting.get(session);
      if (!tasks) this.#waiting.set(session, (tasks = new Map()));
      let waited = tasks.get(task);
      if (!waited) tasks.set(task, (waited = { record, waiters: new Set() }));
      const { waiters } = waited;
      const abort = () => {
        waiters.delete(waiter);
        this.#count--;
        if (waiters.size === 0) this.#drop(session, task);
        waiter.reject(new TuttiError('TUTTI_ABORTED', { what: `Waiting for ${task} of ${session}` }));
      };
      const waiter = abortableWaiter({ resolve, reject }, signal, abort);
      waiters.add(waiter);
      this.#count++;
      if (signal?.aborted) abort();
    });
  }

  #settle(session: string, task: string): void {
    const waited = this.#waiting.get(session)?.get(task);
    if (!waited) return;
    const known = this.#find(session, task);
    const record = known ?? waited.record;
    if (known && !isTerminal(known.state)) return;
    this.#drop(session, task);
    const waiters = [...waited.waiters];
    waited.waiters.clear();
    this.#count -= waiters.length;
    for (const waiter of waiters) {
      if (isTerminal(record.state)) waiter.resolve(record);
      else waiter.reject(new TuttiError('TUTTI_TASK_UNKNOWN', { session, task, hint: '' }));
    }
  }

  #drop(session: string, task: string): void {
    const tasks = this.#waiting.get(session);
    tasks?.delete(task);
    if (tasks?.size === 0) this.#waiting.delete(session);
  }

  /** Those who still wait are told `TUTTI_CLOSED`. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
    for (const tasks of this.#waiting.values())
      for (const { waiters } of tasks.values()) {
        for (const waiter of waiters) waiter.reject(closed());
        waiters.clear();
      }
    this.#waiting.clear();
    this.#count = 0;
  }
}

function closed(): TuttiError {
  return new TuttiError('TUTTI_CLOSED', { what: 'Orchestration on this node' });
}
