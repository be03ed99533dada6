import { Heap } from '@tutti/kernel';
import type { CheckedPlan } from '../../engines/workflow/check-plan.ts';
import { RankSet } from './rank-set.ts';
import { SlidingRankSet } from './sliding-rank-set.ts';

/** One orchestrator's tasks in the order they are to be started, and which of them are ready. */
interface Lane {
  /** Task indices by place. */
  readonly tasks: Int32Array;
  readonly ready: RankSet;
}

/**
 * The ready tasks of one session, in the order they should start: least slack on the critical path first, then the
 * lowest level, then the id. The order is worked out once, so a task becomes ready, or stops being it, in O(1). Tasks
 * that were added later follow behind those of the plan, in the order they came in.
 */
export class ReadyTasks {
  readonly #lanes = new Map<string, Lane>();
  readonly #laneOf: Lane[] = [];
  /** By orchestrator, the added tasks that are ready, by index. */
  readonly #added = new Map<string, SlidingRankSet>();
  /** Of each task: its place in its lane, and among all. */
  readonly #places: Int32Array;
  readonly #ranks: Int32Array;
  #size = 0;

  constructor(checked: CheckedPlan) {
    const { plan } = checked;
    const order = startOrder(checked);
    this.#places = new Int32Array(order.length);
    this.#ranks = new Int32Array(order.length);
    const byOrchestrator = new Map<string, number[]>();
    order.forEach((task, rank) => {
      const { orchestrator } = plan.tasks[task]!;
      let tasks = byOrchestrator.get(orchestrator);
      if (!tasks) byOrchestrator.set(orchestrator, (tasks = []));
      this.#ranks[task] = rank;
      this.#places[task] = tasks.push(task) - 1;
    });
    for (const [orchestrator, tasks] of byOrchestrator)
      this.#lanes.set(orchestrator, { tasks: Int32Array.from(tasks), ready: new RankSet(tasks.length) });
    for (const task of plan.tasks) this.#laneOf.push(this.#lanes.get(task.orchestrator)!);
  }

  get size(): number {
    return this.#size;
  }

  add(task: number, orchestrator: string): void {
    const lane = this.#laneOf[task];
    if (lane) lane.ready.add(this.#places[task]!);
    else this.#addedOf(orchestrator).add(task);
    this.#size++;
  }

  delete(task: number, orchestrator: string): void {
    const lane = this.#laneOf[task];
    if (lane) lane.ready.delete(this.#places[task]!);
    else this.#addedOf(orchestrator).delete(task);
    this.#size--;
  }

  #addedOf(orchestrator: string): SlidingRankSet {
    let added = this.#added.get(orchestrator);
    if (!added) this.#added.set(orchestrator, (added = new SlidingRankSet()));
    return added;
  }

  /** The task of this orchestrator that is to be started first. */
  first(orchestrator: string): number | undefined {
    const lane = this.#lanes.get(orchestrator);
    const place = lane ? lane.ready.next(0) : -1;
    if (place !== -1) return lane!.tasks[place];
    const added = this.#added.get(orchestrator)?.first() ?? -1;
    return added === -1 ? undefined : added;
  }

  *of(orchestrator: string): IterableIterator<number> {
    const lane = this.#lanes.get(orchestrator);
    if (lane) for (const place of lane.ready) yield lane.tasks[place]!;
    yield* this.#added.get(orchestrator) ?? [];
  }

  /** All lanes merged, by rank, and the added tasks behind them. */
  *[Symbol.iterator](): IterableIterator<number> {
    const heads = new Heap<{ readonly lane: Lane; readonly task: number }>(
      (a, b) => this.#ranks[a.task]! - this.#ranks[b.task]!,
    );
    const offer = (lane: Lane, from: number) => {
      const place = lane.ready.next(from);
      if (place !== -1) heads.push({ lane, task: lane.tasks[place]! });
    };
    for (const lane of this.#lanes.values()) offer(lane, 0);
    for (let head = heads.pop(); head; head = heads.pop()) {
      yield head.task;
      offer(head.lane, this.#places[head.task]! + 1);
    }
    yield* Array.from(this.#added.values(), (added) => [...added])
      .flat()
      .sort((a, b) => a - b);
  }
}

function startOrder({ plan, slacks, levels }: CheckedPlan): Int32Array {
  const ids = plan.tasks.map((task) => task.id);
  return Int32Array.from(ids.keys()).sort(
    (a, b) => slacks[a]! - slacks[b]! || levels[a]! - levels[b]! || (ids[a]! < ids[b]! ? -1 : 1),
  );
}
