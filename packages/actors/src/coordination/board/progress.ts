import { assert } from '@tutti/kernel';
import type { CheckedPlan } from '../../engines/workflow/check-plan.ts';
import { neighbours } from '../../engines/workflow/graph.ts';
import type { ExecutionMode } from '../../engines/workflow/plan.ts';
import type { Conflict } from '../conflict/conflict.ts';
import { Barrier } from '../sync/barrier.ts';
import { type BarrierRecord, isSettled, type TaskRecord } from './state.ts';

/**
 * What may start next. It counts, per node of the plan's graph, the needs that are not met, and per level the tasks
 * that are not settled; so that settling a task costs its dependants and nothing else. All of it follows from the
 * records, and is worked out anew from them after a restore.
 */
export class Progress {
  readonly #barriers: readonly Barrier[];
  readonly #barrierAt = new Map<string, number>();
  readonly #checked: CheckedPlan;
  readonly #unmet: Int32Array;
  /** Per level: tasks not settled. Only looked at in wave mode. */
  readonly #levelOpen: Int32Array;
  readonly #levelTasks: readonly number[][];
  /** Tasks of this level and below may start. In eager mode that is all of them, from the beginning. */
  #level: number;
  /** Tasks not settled and barriers not released. */
  #left = 0;

  constructor(
    checked: CheckedPlan,
    mode: ExecutionMode,
    records: readonly TaskRecord[],
    barriers: readonly BarrierRecord[],
  ) {
    const { graph, taskCount } = checked.graph;
    this.#checked = checked;
    const isOver = (node: number) =>
      node < taskCount ? isSettled(records[node]!.state) : barriers[node - taskCount]!.state === 'released';
    this.#unmet = new Int32Array(graph.size);
    this.#levelOpen = new Int32Array(checked.levelCount);
    for (let node = 0; node < graph.size; node++) {
      for (const need of neighbours(graph.needs, node)) if (!isOver(need)) this.#unmet[node]!++;
      if (isOver(node)) continue;
      this.#left++;
      if (node < taskCount) this.#levelOpen[checked.levels[node]!]!++;
    }
    this.#levelTasks = mode === 'wave' ? tasksByLevel(checked) : [];
    this.#level = mode === 'wave' ? this.#nextOpenLevel(0) : checked.levelCount;
    this.#barriers = barriers.map((record, at) => {
      this.#barrierAt.set(record.id, at);
      const after = [...neighbours(graph.needs, taskCount + at)].filter((task) => !isOver(task));
      return new Barrier(
        checked.plan.barriers[at]!,
        record,
        after.map((task) => records[task]!.plan.orchestrator),
      );
    });
  }

  barrier(id: string): Barrier | undefined {
    const at = this.#barrierAt.get(id);
    return at === undefined ? undefined : this.#barriers[at];
  }

  /** Nothing is left to do: every task is settled and every barrier released. */
  get finished(): boolean {
    return this.#left === 0;
  }

  /** The wave that may run, or the number of levels when all may. */
  get level(): number {
    return this.#level;
  }

  mayStart(task: number): boolean {
    return this.#unmet[task] === 0 && this.#checked.levels[task]! <= this.#level;
  }

  /** Notes that a task is done or degraded. Answers what may start because of it (not all of it need be waiting). */
  settle(task: number, timeMs: number): number[] {
    const startable: number[] = [];
    const level = this.#checked.levels[task]!;
    this.#levelOpen[level]!--;
    this.#meet(task, timeMs, startable);
    if (this.#levelTasks.length > 0 && level === this.#level) this.#openLevels(startable);
    return startable;
  }

  /** Notes the outcome of a full barrier's check. Answers what may start because of it. */
  resolve(barrier: Barrier, conflicts: readonly Conflict[], timeMs: number): number[] {
    const startable: number[] = [];
    if (barrier.resolve(conflicts, timeMs)) {
      const node = this.#checked.graph.taskCount + this.#barrierAt.get(barrier.plan.id)!;
      this.#meet(node, timeMs, startable);
    }
    return startable;
  }

  /** A node is over: its dependants have one need less. A barrier that this fills may be over in its turn. */
  #meet(node: number, timeMs: number, startable: number[]): void {
    const { graph, taskCount } = this.#checked.graph;
    this.#left--;
    for (const dependant of neighbours(graph.dependants, node)) {
      this.#unmet[dependant]!--;
      assert(this.#unmet[dependant]! >= 0, 'a need is met once');
      if (dependant < taskCount) {
        if (this.mayStart(dependant)) startable.push(dependant);
      } else {
        const barrier = this.#barriers[dependant - taskCount]!;
        const { orchestrator } = this.#checked.plan.tasks[node]!;
        if (barrier.settled(orchestrator, timeMs)) this.#meet(dependant, timeMs, startable);
      }
    }
  }

  #openLevels(startable: number[]): void {
    const reached = this.#nextOpenLevel(this.#level);
    for (let level = this.#level + 1; level <= reached; level++)
      for (const task of this.#levelTasks[level] ?? []) if (this.#unmet[task] === 0) startable.push(task);
    this.#level = reached;
  }

  #nextOpenLevel(from: number): number {
    let level = from;
    while (level < this.#levelOpen.length && this.#levelOpen[level] === 0) level++;
    return level;
  }
}

function tasksByLevel({ levels, levelCount, graph }: CheckedPlan): number[][] {
  const byLevel = Array.from({ length: levelCount }, (): number[] => []);
  for (let task = 0; task < graph.taskCount; task++) byLevel[levels[task]!]!.push(task);
  return byLevel;
}
