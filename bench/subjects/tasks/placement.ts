import { type PlaceableWorker, type Placed, PlacementIndex, type PlacementRequest } from '@tutti/actors';
import { type Random, seededRandom } from '@tutti/kernel';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { Histogram } from '../../harness/histogram.ts';

const SORTS = 24;
const ZONES = 8;
const CAPABILITIES = 40;
const REQUESTS = 4_096;
const JOBS = 64;
/** Decisions over many agents of which each is looked at. */
const AGENTS_CHECKED = 100_000;
/** Part of all slots that is kept taken while decisions are measured. */
const FILLED = 0.6;

/** Workers of a few sorts, each sort with its capabilities, in every zone. */
function workersOf(count: number, random: Random): PlaceableWorker[] {
  const sorts = Array.from({ length: SORTS }, () =>
    Array.from({ length: 6 }, () => `can-${random.integer(0, CAPABILITIES - 1)}`),
  );
  return Array.from({ length: count }, (_, i) => ({
    id: `worker-${i}`,
    capabilities: sorts[i % SORTS]!,
    tags: { zone: `zone-${Math.floor(i / SORTS) % ZONES}` },
    capacity: 4 + (i % 13),
  }));
}

/** What some worker can do, and conditions on where. */
function requestsOf(workers: readonly PlaceableWorker[], random: Random): PlacementRequest[] {
  return Array.from({ length: REQUESTS }, (_, i): PlacementRequest => {
    const can = random.pick(workers).capabilities;
    const zone = `zone-${random.integer(0, ZONES - 1)}`;
    const capabilities = [random.pick(can), ...(i % 3 === 0 ? [random.pick(can)] : [])];
    if (i % 2 === 0) return { capabilities, tags: { zone } };
    if (i % 4 === 1) return { capabilities, prefer: { tag: 'zone', value: zone } };
    return { capabilities, spread: { over: 'zone', group: `job-${i % JOBS}` } };
  });
}

interface Taken {
  readonly worker: string;
  readonly spread: PlacementRequest['spread'];
}

export async function indexedPlacement({ workers, decisions, checked, agents }: Sizes): Promise<Measurement> {
  const same = checkAgainstScan(workers!, checked!);
  const run = measure(workers!, decisions!);
  const many = measure(agents!, Math.min(decisions!, 200_000), new Histogram());
  const fitting = mustSuit(agents!, AGENTS_CHECKED);
  return {
    figures: {
      rate: run.rate,
      examined: run.examined,
      'agents-rate': many.rate,
      'agents-examined': many.examined,
      'agents-rss': many.rss,
      'agents-register': many.registered,
      'agents-bytes': many.bytes,
    },
    histograms: { agents: many.latencies!.pack() },
    verified: `${same} decisions as a scan makes them; ${run.placed} and ${many.placed} placed within every capacity; ${fitting} more looked at: each agent can do it, and none had a second while another of its sort had none`,
  };
}

function measure(count: number, decisions: number, latencies?: Histogram) {
  const random = seededRandom(1);
  const workers = workersOf(count, random);
  const requests = requestsOf(workers, random);
  const memory = heapBytes();
  const begun = performance.now();
  const index = new PlacementIndex();
  for (const worker of workers) index.add(worker);
  const registered = (count * 1_000) / (performance.now() - begun);
  const bytes = (heapBytes() - memory) / count;
  const { rss } = process.memoryUsage();
  const slots = workers.reduce((sum, { capacity }) => sum + capacity, 0);
  const taken: Taken[] = [];
  const goal = Math.min(Math.floor(slots * FILLED), decisions);
  const play = (times: number, note?: Histogram) => playOn(index, requests, taken, goal, times, note);
  play(goal);
  const start = performance.now();
  const { placed, examined } = play(decisions);
  const rate = (decisions * 1_000) / (performance.now() - start);
  if (latencies) play(20_000, latencies);
  mustFit(workers, taken);
  return {
    rate,
    registered,
    bytes,
    rss,
    placed,
    latencies,
    examined: (100 * examined) / (decisions * count),
  };
}

/** Places one after the other, and gives back another as soon as more are taken than there should be. */
function playOn(
  index: PlacementIndex,
  requests: readonly PlacementRequest[],
  taken: Taken[],
  goal: number,
  times: number,
  latencies?: Histogram,
) {
  let placed = 0;
  let examined = 0;
  for (let i = 0; i < times; i++) {
    const request = requests[(i * 31) % requests.length]!;
    const start = latencies ? performance.now() : 0;
    const decision = index.place(request);
    if (latencies) latencies.record((performance.now() - start) * 1_000);
    if (decision) {
      placed++;
      examined += decision.examined;
      taken.push({ worker: decision.worker, spread: request.spread });
    }
    if (taken.length <= goal) continue;
    const at = (i * 7_919) % taken.length;
    const given = taken[at]!;
    taken[at] = taken.at(-1)!;
    taken.pop();
    index.release(given.worker, given.spread);
  }
  return { placed, examined };
}

function mustFit(workers: readonly PlaceableWorker[], taken: readonly Taken[]): void {
  const busy = Map.groupBy(taken, ({ worker }) => worker);
  for (const { id, capacity } of workers) {
    const count = busy.get(id)?.length ?? 0;
    if (count > capacity) throw new Error(`${id} has ${count} tasks and room for ${capacity}`);
  }
}

/**
 * Looks at each decision from outside: the agent can do it and is where it must be, and nobody is given a
 * second task while another has none that no request tells apart from it.
 */
function mustSuit(count: number, decisions: number): number {
  const random = seededRandom(3);
  const workers = workersOf(count, random);
  const requests = requestsOf(workers, random);
  const index = new PlacementIndex();
  for (const worker of workers) index.add(worker);
  const byId = new Map(workers.map((worker) => [worker.id, worker]));
  const busy = new Map<string, number>();
  const chosen = new Map<string, number>();
  const sortOf = ({ capabilities, tags }: PlaceableWorker) => `${capabilities.join()} ${tags['zone']}`;
  const untouched = new Map<string, number>();
  for (const worker of workers) untouched.set(sortOf(worker), (untouched.get(sortOf(worker)) ?? 0) + 1);
  let placed = 0;
  for (let i = 0; i < decisions; i++) {
    const request = requests[i % requests.length]!;
    const decision = index.place(request);
    if (!decision) continue;
    placed++;
    const worker = byId.get(decision.worker)!;
    const can = request.capabilities.every((item) => worker.capabilities.includes(item));
    if (!can || (request.tags && worker.tags['zone'] !== request.tags['zone']))
      throw new Error(`decision ${i}: ${worker.id} is not one that can do it`);
    const had = busy.get(worker.id) ?? 0;
    const sort = sortOf(worker);
    if (had > 0 && untouched.get(sort)! > (chosen.get(sort) ?? 0))
      throw new Error(`decision ${i}: ${worker.id} has ${had}, and others of its sort have none`);
    if (had === 0) chosen.set(sort, (chosen.get(sort) ?? 0) + 1);
    busy.set(worker.id, had + 1);
  }
  if (placed < decisions / 2) throw new Error(`only ${placed} of ${decisions} were placed`);
  return placed;
}

/** Makes every decision both ways. */
function checkAgainstScan(count: number, decisions: number): number {
  const random = seededRandom(2);
  const workers = workersOf(count, random);
  const requests = requestsOf(workers, random);
  const index = new PlacementIndex();
  for (const worker of workers) index.add(worker);
  const scan = new Scan(workers);
  for (let i = 0; i < decisions; i++) {
    const request = requests[i % requests.length]!;
    const [ours, theirs] = [index.place(request)?.worker, scan.place(request)];
    if (ours !== theirs) throw new Error(`decision ${i}: ${ours} by the index, ${theirs} by a scan`);
  }
  return decisions;
}

export async function scannedPlacement({ workers: count, scans }: Sizes): Promise<Measurement> {
  const random = seededRandom(1);
  const workers = workersOf(count!, random);
  const requests = requestsOf(workers, random);
  const scan = new Scan(workers);
  const start = performance.now();
  let placed = 0;
  for (let i = 0; i < scans!; i++) if (scan.place(requests[(i * 31) % requests.length]!)) placed++;
  return {
    figures: { rate: (scans! * 1_000) / (performance.now() - start), examined: 100 },
    verified: `${placed} of ${scans} placed`,
  };
}

/** The same decisions by looking at every worker. */
class Scan {
  readonly #workers: readonly PlaceableWorker[];
  readonly #can: ReadonlySet<string>[];
  readonly #busy: Int32Array;
  readonly #spread = new Map<string, number>();

  constructor(workers: readonly PlaceableWorker[]) {
    this.#workers = workers;
    this.#can = workers.map(({ capabilities }) => new Set(capabilities));
    this.#busy = new Int32Array(workers.length);
  }

  place({ capabilities, tags, prefer, spread }: PlacementRequest): Placed['worker'] | undefined {
    let best = -1;
    let score: readonly number[] = [];
    this.#workers.forEach((worker, at) => {
      if (this.#busy[at]! >= worker.capacity || !capabilities.every((item) => this.#can[at]!.has(item)))
        return;
      if (tags && worker.tags['zone'] !== tags['zone']) return;
      const mine = [
        prefer && worker.tags[prefer.tag] !== prefer.value ? 1 : 0,
        spread ? (this.#spread.get(spread.group + worker.tags[spread.over]) ?? 0) : 0,
        this.#busy[at]! / worker.capacity,
      ];
      const differs = mine.findIndex((part, i) => part !== score[i]);
      if (best !== -1 && (differs === -1 || mine[differs]! > score[differs]!)) return;
      best = at;
      score = mine;
    });
    if (best === -1) return undefined;
    this.#busy[best]!++;
    const { id, tags: has } = this.#workers[best]!;
    if (spread) {
      const key = spread.group + has[spread.over];
      this.#spread.set(key, (this.#spread.get(key) ?? 0) + 1);
    }
    return id;
  }
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
