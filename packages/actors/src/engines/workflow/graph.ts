/**
 * A directed graph over the numbers `0..size-1`, kept as four flat arrays (compressed sparse rows, once by need and
 * once by dependant), so that a plan of 100,000 tasks costs a few allocations and no object per edge. All walks are
 * loops, never recursion: a chain of 100,000 tasks is a legal plan and must not meet the end of the stack.
 */
export interface Graph {
  readonly size: number;
  /** What a node needs: `needs.targets` from `needs.offsets[node]` to `needs.offsets[node + 1]`. */
  readonly needs: Adjacency;
  /** What needs a node. */
  readonly dependants: Adjacency;
}

/**
 * The edges that leave each node: those of node `i` are `targets[offsets[i]]` up to, without it, `targets[offsets[i +
 * 1]]`.
 */
export interface Adjacency {
  readonly offsets: Int32Array;
  readonly targets: Int32Array;
}

/** An edge list: `needs[i]` must be over before `nodes[i]` begins. Repeated edges count as often as they stand. */
export interface Edges {
  readonly nodes: ArrayLike<number>;
  readonly needs: ArrayLike<number>;
}

/** A graph of `size` nodes from an edge list, whose numbers must be from 0 to `size - 1`; O(V + E). */
export function buildGraph(size: number, edges: Edges): Graph {
  return {
    size,
    needs: rows(size, edges.nodes, edges.needs),
    dependants: rows(size, edges.needs, edges.nodes),
  };
}

/** Counting sort of the edges by their source: O(V + E), and edges of one source keep their order. */
function rows(size: number, sources: ArrayLike<number>, targets: ArrayLike<number>): Adjacency {
  const offsets = new Int32Array(size + 1);
  for (let i = 0; i < sources.length; i++) offsets[sources[i]! + 1]!++;
  for (let node = 0; node < size; node++) offsets[node + 1]! += offsets[node]!;
  const next = offsets.slice();
  const sorted = new Int32Array(targets.length);
  for (let i = 0; i < targets.length; i++) sorted[next[sources[i]!]!++] = targets[i]!;
  return { offsets, targets: sorted };
}

/** The neighbours of one node, as a view that copies nothing. */
export function neighbours(adjacency: Adjacency, node: number): Int32Array {
  return adjacency.targets.subarray(adjacency.offsets[node], adjacency.offsets[node + 1]);
}

/** The nodes in an order in which they can be done, and how deep each lies. */
export interface Levels {
  /** Every node after all that it needs; shorter than the graph when there is a cycle. */
  readonly order: Int32Array;
  /** Of each node: the most weight on any way to it, itself excluded. -1 for nodes on or behind a cycle. */
  readonly levels: Int32Array;
  readonly cyclic: boolean;
}

/**
 * Kahn's algorithm (A. B. Kahn, Topological sorting of large networks, CACM 5(11), 1962), O(V + E). A node's level
 * is 0 when it needs nothing, else the highest of level + weight over what it needs. Weights are whole numbers from
 * 0, default 1 for every node.
 */
export function levelsOf(graph: Graph, weights?: Uint8Array, removed?: Uint8Array): Levels {
  const { size, needs, dependants } = graph;
  const unmet = new Int32Array(size);
  const levels = new Int32Array(size).fill(-1);
  const order = new Int32Array(size);
  let tail = 0;
  for (let node = 0; node < size; node++) {
    if (removed?.[node]) continue;
    unmet[node] = countKept(needs, node, removed);
    if (unmet[node] === 0) {
      levels[node] = 0;
      order[tail++] = node;
    }
  }
  const reached = new Int32Array(size);
  for (let head = 0; head < tail; head++) {
    const node = order[head]!;
    const beyond = levels[node]! + (weights ? weights[node]! : 1);
    for (let at = dependants.offsets[node]!; at < dependants.offsets[node + 1]!; at++) {
      const dependant = dependants.targets[at]!;
      if (removed?.[dependant]) continue;
      if (beyond > reached[dependant]!) reached[dependant] = beyond;
      if (--unmet[dependant]! === 0) {
        levels[dependant] = reached[dependant]!;
        order[tail++] = dependant;
      }
    }
  }
  let kept = size;
  if (removed) for (let node = 0; node < size; node++) if (removed[node]) kept--;
  return { order: order.subarray(0, tail), levels, cyclic: tail < kept };
}

function countKept(needs: Adjacency, node: number, removed: Uint8Array | undefined): number {
  const from = needs.offsets[node]!;
  const to = needs.offsets[node + 1]!;
  if (!removed) return to - from;
  let count = 0;
  for (let at = from; at < to; at++) if (!removed[needs.targets[at]!]) count++;
  return count;
}

/**
 * Cycles, at most `limit` of them and no two with a node in common; none if the graph has none. Each is a list of
 * nodes in which every node needs the next and the last needs the first, beginning with the lowest number.
 */
export function findCycles(graph: Graph, limit: number): number[][] {
  const cycles: number[][] = [];
  const removed = new Uint8Array(graph.size);
  while (cycles.length < limit) {
    const { levels, cyclic } = levelsOf(graph, undefined, removed);
    if (!cyclic) break;
    const cycle = walkIntoCycle(graph, levels, removed);
    for (const node of cycle) removed[node] = 1;
    cycles.push(cycle);
  }
  return cycles;
}

/** Every node that Kahn left over needs another one left over; so following needs must come back to itself. */
function walkIntoCycle(graph: Graph, levels: Int32Array, removed: Uint8Array): number[] {
  const left = (node: number) => levels[node] === -1 && !removed[node];
  const stepOf = new Map<number, number>();
  const path: number[] = [];
  let node = 0;
  while (!left(node)) node++;
  while (!stepOf.has(node)) {
    stepOf.set(node, path.length);
    path.push(node);
    let at = graph.needs.offsets[node]!;
    while (!left(graph.needs.targets[at]!)) at++;
    node = graph.needs.targets[at]!;
  }
  const cycle = path.slice(stepOf.get(node));
  const lowest = cycle.indexOf(cycle.reduce((least, item) => Math.min(least, item)));
  return [...cycle.slice(lowest), ...cycle.slice(0, lowest)];
}

/** Times of the critical path method, in the unit of the durations given. */
export interface Schedule {
  /** The longest way through: no schedule is shorter, however many hands there are. */
  readonly length: number;
  /** The nodes of one longest way, first to last. */
  readonly path: readonly number[];
  /** The earliest each node can start, with hands without end. */
  readonly starts: Float64Array;
  /** How much each node can slip without making the whole longer; 0 on every critical path. */
  readonly slacks: Float64Array;
}

/** The critical path method (J. E. Kelley, Critical-path planning and scheduling, 1961) over a topological order. */
export function scheduleOf(graph: Graph, order: Int32Array, durations: Float64Array): Schedule {
  const { size, needs, dependants } = graph;
  const starts = new Float64Array(size);
  const tails = new Float64Array(size); // from the start of a node to the end of all
  let length = 0;
  for (const node of order) {
    let start = 0;
    for (let at = needs.offsets[node]!; at < needs.offsets[node + 1]!; at++) {
      const need = needs.targets[at]!;
      start = Math.max(start, starts[need]! + durations[need]!);
    }
    starts[node] = start;
    length = Math.max(length, start + durations[node]!);
  }
  for (let at = order.length - 1; at >= 0; at--) {
    const node = order[at]!;
    let tail = 0;
    for (let i = dependants.offsets[node]!; i < dependants.offsets[node + 1]!; i++)
      tail = Math.max(tail, tails[dependants.targets[i]!]!);
    tails[node] = tail + durations[node]!;
  }
  const slacks = new Float64Array(size);
  for (let node = 0; node < size; node++) slacks[node] = length - starts[node]! - tails[node]!;
  return { length, path: longestWay(graph, order, tails), starts, slacks };
}

function longestWay(graph: Graph, order: Int32Array, tails: Float64Array): number[] {
  const path: number[] = [];
  const longest = (candidates: Int32Array) => {
    let best = -1;
    for (const node of candidates) if (best === -1 || tails[node]! > tails[best]!) best = node;
    return best;
  };
  for (let node = longest(order); node !== -1; node = longest(neighbours(graph.dependants, node)))
    path.push(node);
  return path;
}

/** All nodes that can be reached from the given ones over `adjacency`, the given ones left out unless on a way. */
export function reachableFrom(adjacency: Adjacency, from: Iterable<number>): Set<number> {
  const found = new Set<number>();
  const open = [...from];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const next of neighbours(adjacency, node)) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}
