/** A task of a graph: how long it takes, and the tasks it needs, by their place in the list. */
export interface TimedTask {
  readonly durationMs: number;
  readonly needs: readonly number[];
}

/** Places of the tasks in an order in which each comes after what it needs. */
function topological(tasks: readonly TimedTask[]): number[] {
  const open = tasks.map(({ needs }) => needs.length);
  const after = followersOf(tasks);
  const order = open.flatMap((count, task) => (count === 0 ? [task] : []));
  for (let at = 0; at < order.length; at++)
    for (const next of after[order[at]!]!) if (--open[next]! === 0) order.push(next);
  if (order.length < tasks.length) throw new Error('the graph has a circle');
  return order;
}

function followersOf(tasks: readonly TimedTask[]): number[][] {
  const after = tasks.map((): number[] => []);
  tasks.forEach(({ needs }, task) => {
    for (const need of needs) after[need]!.push(task);
  });
  return after;
}

/** How long the longest way from each task to the end is, its own time included: HEFT's upward rank, without transfers. */
export function upwardRanks(tasks: readonly TimedTask[]): number[] {
  const ranks = tasks.map(({ durationMs }) => durationMs);
  const after = followersOf(tasks);
  for (const task of topological(tasks).toReversed())
    for (const next of after[task]!)
      ranks[task] = Math.max(ranks[task]!, tasks[task]!.durationMs + ranks[next]!);
  return ranks;
}

/** Less than this no schedule can take. */
export function criticalPathMs(tasks: readonly TimedTask[]): number {
  return Math.max(0, ...upwardRanks(tasks));
}

/**
 * More than this no schedule takes in which no worker is idle while a task is ready: work / m + (1 - 1 / m) x critical
 * path (R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969).
 */
export function grahamBoundMs(tasks: readonly TimedTask[], workers: number): number {
  const work = tasks.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return work / workers + (1 - 1 / workers) * criticalPathMs(tasks);
}

interface Slot {
  readonly from: number;
  readonly to: number;
}

/**
 * The makespan of HEFT (Topcuoglu, Hariri and Wu, 2002) on equal workers without transfers: tasks by falling upward
 * rank, each into the first gap of any worker that it fits in. It knows every duration beforehand.
 */
export function heftMakespanMs(tasks: readonly TimedTask[], workers: number): number {
  const ranks = upwardRanks(tasks);
  const place = new Map(topological(tasks).map((task, i) => [task, i]));
  // Ties are broken so that what is needed comes first, also when it takes no time.
  const order = [...tasks.keys()].sort((a, b) => ranks[b]! - ranks[a]! || place.get(a)! - place.get(b)!);
  const slots = Array.from({ length: workers }, (): Slot[] => []);
  const ends = tasks.map(() => 0);
  for (const task of order) {
    const { durationMs, needs } = tasks[task]!;
    const ready = Math.max(0, ...needs.map((need) => ends[need]!));
    const starts = slots.map((busy) => firstGap(busy, ready, durationMs));
    const worker = starts.indexOf(Math.min(...starts));
    const slot = { from: starts[worker]!, to: starts[worker]! + durationMs };
    ends[task] = slot.to;
    slots[worker] = [...slots[worker]!, slot].sort((a, b) => a.from - b.from || a.to - b.to);
  }
  return Math.max(0, ...ends);
}

function firstGap(busy: readonly Slot[], ready: number, durationMs: number): number {
  let at = ready;
  for (const { from, to } of busy) {
    if (from - at >= durationMs) return at;
    at = Math.max(at, to);
  }
  return at;
}
