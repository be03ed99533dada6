import { TuttiError } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { partsOf, type SingleCommand } from './commands.ts';
import { isTerminal, type TaskRecord } from './state.ts';
import type { TaskBoard } from './task-board.ts';
import { taskUnknown } from './task-unknown.ts';
import { type Waited, WaitList } from './wait-list.ts';

/** Most calls that wait for tasks at once on one node. */
const WAITERS_MAX = 100_000;

/** Those who wait for single tasks to be over, told by one watcher of the board however many they are. */
export class TaskWaiters {
  readonly #board: ReplicatedHandle<TaskBoard>;
  readonly #list = new WaitList<TaskRecord>({ what: 'tasks', max: WAITERS_MAX });
  /** By session, then by task. */
  readonly #waiting = new Map<string, Map<string, Waited<TaskRecord>>>();
  readonly #unwatch: () => void;

  constructor(board: ReplicatedHandle<TaskBoard>) {
    this.#board = board;
    this.#unwatch = board.watch({
      applied: (command) => {
        if (!this.#list.isEmpty) for (const part of partsOf(command)) this.#applied(part);
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
    this.#list.checkOpen();
    const record = this.#find(session, task);
    const found = this.#board.module.session(session);
    if (!found) throw new TuttiError('TUTTI_SESSION_UNKNOWN', { session });
    if (!record) throw taskUnknown(found, task);
    if (isTerminal(record.state)) return record;
    this.#list.checkRoom();
    let tasks = this.#waiting.get(session);
    if (!tasks) this.#waiting.set(session, (tasks = new Map()));
    let waited = tasks.get(task);
    if (!waited) tasks.set(task, (waited = this.#list.begin(record)));
    return this.#list.wait(waited, `${task} of ${session}`, signal, () => this.#drop(session, task));
  }

  #find(session: string, task: string): TaskRecord | undefined {
    return this.#board.module.session(session)?.tasks.get(task);
  }

  #settle(session: string, task: string): void {
    const waited = this.#waiting.get(session)?.get(task);
    if (!waited) return;
    const known = this.#find(session, task);
    const record = known ?? waited.record;
    if (known && !isTerminal(known.state)) return;
    this.#drop(session, task);
    this.#list.end(waited, (waiter) => {
      if (isTerminal(record.state)) waiter.resolve(record);
      else waiter.reject(new TuttiError('TUTTI_TASK_UNKNOWN', { session, task, hint: '' }));
    });
  }

  #drop(session: string, task: string): void {
    const tasks = this.#waiting.get(session);
    tasks?.delete(task);
    if (tasks?.size === 0) this.#waiting.delete(session);
  }

  /** Those who still wait are told `TUTTI_CLOSED`. */
  close(): void {
    this.#unwatch();
    this.#waiting.clear();
    this.#list.close();
  }
}
