import type { NodeId } from '@tutti/kernel';
import { TASK_STATES, type TaskEvent } from './state.ts';

/** How many steps one session remembers by default; older ones are dropped and counted. */
export const JOURNAL_LIMIT = 20_000;

/** Numbers that one step takes: index, time, task, from, to, attempt, fence, node. */
const WIDTH = 8;
const NO_NODE = -1;

/**
 * The latest steps of a session's tasks, oldest first: what timelines are drawn from, and what shows from outside
 * that no task was completed twice. A task that nobody held when its session ended leaves no step. Steps are kept as
 * runs of numbers in one array, 64 bytes each: as objects they would take several times that.
 */
export class Journal {
  readonly limit: number;
  /** The id of each task by its place in the plan. */
  readonly #taskIds: (index: number) => string;
  readonly #nodes: NodeId[] = [];
  #numbers: number[] = [];
  /** Where the oldest step is, once the array is full and written round. */
  #oldest = 0;
  #dropped = 0;

  constructor(limit: number, taskIds: (index: number) => string) {
    this.limit = limit;
    this.#taskIds = taskIds;
  }

  get size(): number {
    return this.#numbers.length / WIDTH;
  }

  /** Steps that are no longer here because the bound was reached. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param task The task's place in the plan. */
  add(event: Omit<TaskEvent, 'task'>, task: number): void {
    const { index, timeMs, from, to, attempt, fence, node } = event;
    this.note(index, timeMs, task, from, to, attempt, fence, node);
  }

  /** {@link add} without an object for it. */
  note(
    index: number,
    timeMs: number,
    task: number,
    from: TaskEvent['from'],
    to: TaskEvent['to'],
    attempt: number,
    fence: number,
    node: NodeId | undefined,
  ): void {
    const numbers = this.#numbers;
    let at = numbers.length;
    if (at === this.limit * WIDTH) {
      at = this.#oldest * WIDTH;
      this.#oldest = (this.#oldest + 1) % this.limit;
      this.#dropped++;
    }
    numbers[at] = index;
    numbers[at + 1] = timeMs;
    numbers[at + 2] = task;
    numbers[at + 3] = TASK_STATES.indexOf(from);
    numbers[at + 4] = TASK_STATES.indexOf(to);
    numbers[at + 5] = attempt;
    numbers[at + 6] = fence;
    numbers[at + 7] = node === undefined ? NO_NODE : this.#placeOf(node);
  }

  [Symbol.iterator](): IterableIterator<TaskEvent> {
    return this.since(0);
  }

  /** The steps from the given number on, counting from the session's first as 0; those that were dropped are missing. */
  *since(number: number): IterableIterator<TaskEvent> {
    for (let i = Math.max(0, number - this.#dropped); i < this.size; i++)
      yield this.#read(((this.#oldest + i) % this.size) * WIDTH);
  }

  restore(events: readonly TaskEvent[], dropped: number, taskAt: (id: string) => number): void {
    this.#numbers.length = 0;
    this.#oldest = 0;
    this.#dropped = 0;
    for (const event of events) this.add(event, taskAt(event.task));
    this.#dropped = dropped;
  }

  /** As it is now, while this one goes on. */
  copy(taskIds: (index: number) => string): Journal {
    const copy = new Journal(this.limit, taskIds);
    copy.#nodes.push(...this.#nodes);
    copy.#numbers = this.#numbers.slice();
    copy.#oldest = this.#oldest;
    copy.#dropped = this.#dropped;
    return copy;
  }

  #read(at: number): TaskEvent {
    const [index, timeMs, task, from, to, attempt, fence, node] = this.#numbers.slice(at, at + WIDTH);
    return {
      index: index!,
      timeMs: timeMs!,
      task: this.#taskIds(task!),
      from: TASK_STATES[from!]!,
      to: TASK_STATES[to!]!,
      attempt: attempt!,
      fence: fence!,
      node: this.#nodes[node!],
    };
  }

  /** A session meets few nodes, and mostly the same again. */
  #placeOf(node: NodeId): number {
    const known = this.#nodes.indexOf(node);
    return known === -1 ? this.#nodes.push(node) - 1 : known;
  }
}
