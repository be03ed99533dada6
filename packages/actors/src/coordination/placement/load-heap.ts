/** What a heap is ordered by: the part of its capacity that each worker has in use. Shared by all heaps of an index. */
export interface Loads {
  readonly busy: number[];
  readonly capacity: number[];
  /** Each worker's place in its heap; -1 outside of any. */
  readonly place: number[];
}

/** Whether the first is less loaded; between equals the one registered first. */
export function isLessLoaded({ busy, capacity }: Loads, a: number, b: number): boolean {
  // Products of whole numbers compare exactly where quotients would not.
  const difference = busy[a]! * capacity[b]! - busy[b]! * capacity[a]!;
  return difference < 0 || (difference === 0 && a < b);
}

/** Workers by load, the least loaded first. A worker knows its place, so that any one can move in O(log n). */
export class LoadHeap {
  readonly #loads: Loads;
  readonly #workers: number[] = [];

  constructor(loads: Loads) {
    this.#loads = loads;
  }

  get size(): number {
    return this.#workers.length;
  }

  first(): number | undefined {
    return this.#workers[0];
  }

  add(worker: number): void {
    this.#workers.push(worker);
    this.#rise(this.#workers.length - 1, worker);
  }

  remove(worker: number): void {
    const { place } = this.#loads;
    const at = place[worker]!;
    place[worker] = -1;
    const last = this.#workers.pop()!;
    if (last === worker) return;
    this.#rise(at, last);
    this.#sink(place[last]!, last);
  }

  /** Its load has grown. */
  grown(worker: number): void {
    this.#sink(this.#loads.place[worker]!, worker);
  }

  /** Its load has fallen. */
  fallen(worker: number): void {
    this.#rise(this.#loads.place[worker]!, worker);
  }

  #rise(from: number, worker: number): void {
    const { place } = this.#loads;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#workers[parent]!;
      if (!isLessLoaded(this.#loads, worker, above)) break;
      this.#workers[at] = above;
      place[above] = at;
      at = parent;
    }
    this.#workers[at] = worker;
    place[worker] = at;
  }

  #sink(from: number, worker: number): void {
    const { place } = this.#loads;
    const workers = this.#workers;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= workers.length) break;
      if (child + 1 < workers.length && isLessLoaded(this.#loads, workers[child + 1]!, workers[child]!))
        child++;
      const below = workers[child]!;
      if (!isLessLoaded(this.#loads, below, worker)) break;
      workers[at] = below;
      place[below] = at;
      at = child;
    }
    workers[at] = worker;
    place[worker] = at;
  }
}
