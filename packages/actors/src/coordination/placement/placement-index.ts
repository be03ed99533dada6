import { TuttiError } from '@tutti/kernel';
import { isLessLoaded, LoadHeap, type Loads } from './load-heap.ts';
import type { PlaceableWorker, Placed, PlacementRequest } from './placement.ts';

/** Workers that no request can tell apart but by load. */
interface Kind {
  readonly capabilities: ReadonlySet<string>;
  readonly tags: Readonly<Record<string, string>>;
  /** Those with room. */
  readonly open: LoadHeap;
  /** All of them. */
  workers: number;
}

/** Answers to "which kinds fit" that are remembered; beyond it all are worked out anew. */
const ANSWERS_MAX = 1_024;

/**
 * Finds the least loaded worker that fits a request. Workers with equal capabilities and tags are one kind, and each
 * kind keeps its workers by load; which kinds fit a request is remembered. So a decision costs one look at each kind
 * that fits, and the logarithm of a kind's size, not a pass over all workers: there are thousands of workers, and as
 * many kinds as there are sorts of machines and places. Where every worker is unlike every other it is a plain scan.
 *
 * What it decides is what a scan over all workers would: preferred ones first, then the value of the spread tag with
 * the fewest of the group, then the least part of the capacity in use, then the one registered first.
 */
export class PlacementIndex {
  readonly #ids: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #kindOf: Kind[] = [];
  readonly #kinds = new Map<string, Kind>();
  readonly #loads: Loads = { busy: [], capacity: [], place: [] };
  readonly #answers = new Map<string, readonly Kind[]>();
  /** By group, tag and value: tasks placed. */
  readonly #spread = new Map<string, Map<string, number>>();

  get size(): number {
    return this.#numbers.size;
  }

  /** @throws TuttiError `TUTTI_CONFIG_INVALID` for a capacity that is no whole number from 1 up, or an id taken */
  add(worker: PlaceableWorker): void {
    const { id, capacity } = worker;
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw invalid(id, 'capacity', capacity, 'it is not a whole number from 1 up');
    if (this.#numbers.has(id)) throw invalid(id, 'id', id, 'another worker has it');
    const number = this.#ids.push(id) - 1;
    this.#numbers.set(id, number);
    this.#loads.busy.push(0);
    this.#loads.capacity.push(capacity);
    this.#loads.place.push(-1);
    const kind = this.#kind(worker);
    this.#kindOf.push(kind);
    kind.workers++;
    kind.open.add(number);
  }

  /** Whether it was there. What it had is not given to anybody, and goes on counting in spreading. */
  remove(id: string): boolean {
    const number = this.#numbers.get(id);
    if (number === undefined) return false;
    this.#numbers.delete(id);
    const kind = this.#kindOf[number]!;
    kind.workers--;
    if (this.#loads.place[number] !== -1) kind.open.remove(number);
    return true;
  }

  /** Takes a slot of the worker that fits best; undefined if nobody who fits has room. */
  place(request: PlacementRequest): Placed | undefined {
    const { prefer, spread } = request;
    const kinds = this.#fitting(request);
    const counts = spread && this.#spread.get(groupKey(spread));
    let best: number | undefined;
    let isPreferred = false;
    let sameGroup = 0;
    for (const { open, tags } of kinds) {
      const worker = open.first();
      if (worker === undefined) continue;
      const has = !prefer || tags[prefer.tag] === prefer.value;
      const same = (spread && counts?.get(tags[spread.over] ?? '')) ?? 0;
      const isBetter =
        best === undefined ||
        (has === isPreferred
          ? same < sameGroup || (same === sameGroup && isLessLoaded(this.#loads, worker, best))
          : has);
      if (!isBetter) continue;
      best = worker;
      isPreferred = has;
      sameGroup = same;
    }
    if (best === undefined) return undefined;
    const busy = this.#take(best, spread);
    const capacity = this.#loads.capacity[best]!;
    return { worker: this.#ids[best]!, busy, capacity, isPreferred, sameGroup, examined: kinds.length };
  }

  /** Gives a slot back; name the spread of the request again, if it had one. Nothing happens for a stranger. */
  release(id: string, spread?: PlacementRequest['spread']): void {
    const number = this.#numbers.get(id);
    if (number === undefined || this.#loads.busy[number] === 0) return;
    const { busy, place } = this.#loads;
    const kind = this.#kindOf[number]!;
    busy[number]!--;
    if (place[number] === -1) kind.open.add(number);
    else kind.open.fallen(number);
    if (spread) this.#count(spread, kind, -1);
  }

  /** Why nobody can be given such a task now; undefined if somebody can. */
  why(request: PlacementRequest): string | undefined {
    const kinds = this.#fitting(request);
    if (kinds.some(({ open }) => open.size > 0)) return undefined;
    const count = kinds.reduce((sum, { workers }) => sum + workers, 0);
    if (count > 0) return `all ${count} workers that fit are at their capacity`;
    const { capabilities } = request;
    const able = [...this.#kinds.values()].filter((kind) =>
      capabilities.every((item) => kind.capabilities.has(item)),
    );
    const ableCount = able.reduce((sum, { workers }) => sum + workers, 0);
    if (ableCount === 0) return `none of ${this.size} workers can do ${capabilities.join(' and ')}`;
    return `none of the ${ableCount} workers that can do it has the tags ${JSON.stringify(request.tags ?? {})}`;
  }

  #take(number: number, spread: PlacementRequest['spread']): number {
    const { busy, capacity } = this.#loads;
    const kind = this.#kindOf[number]!;
    const before = busy[number]!;
    busy[number] = before + 1;
    if (before + 1 < capacity[number]!) kind.open.grown(number);
    else kind.open.remove(number);
    if (spread) this.#count(spread, kind, 1);
    return before;
  }

  #count(spread: NonNullable<PlacementRequest['spread']>, { tags }: Kind, change: 1 | -1): void {
    const key = groupKey(spread);
    let counts = this.#spread.get(key);
    if (!counts) this.#spread.set(key, (counts = new Map()));
    const value = tags[spread.over] ?? '';
    const count = (counts.get(value) ?? 0) + change;
    if (count > 0) counts.set(value, count);
    else counts.delete(value);
    if (counts.size === 0) this.#spread.delete(key);
  }

  #kind({ capabilities, tags }: PlaceableWorker): Kind {
    const key = `${listKey(capabilities)}\n${tagsKey(tags)}`;
    let kind = this.#kinds.get(key);
    if (!kind) {
      kind = {
        capabilities: new Set(capabilities),
        tags: { ...tags },
        open: new LoadHeap(this.#loads),
        workers: 0,
      };
      this.#kinds.set(key, kind);
      this.#answers.clear();
    }
    return kind;
  }

  #fitting({ capabilities, tags }: PlacementRequest): readonly Kind[] {
    const key = tags ? `${listKey(capabilities)}\n${tagsKey(tags)}` : listKey(capabilities);
    let kinds = this.#answers.get(key);
    if (!kinds) {
      kinds = [...this.#kinds.values()].filter((kind) => fits(kind, capabilities, tags));
      if (this.#answers.size >= ANSWERS_MAX) this.#answers.clear();
      this.#answers.set(key, kinds);
    }
    return kinds;
  }
}

function fits(
  kind: Kind,
  capabilities: readonly string[],
  tags: Readonly<Record<string, string>> | undefined,
): boolean {
  return (
    capabilities.every((item) => kind.capabilities.has(item)) &&
    Object.entries(tags ?? {}).every(([tag, value]) => kind.tags[tag] === value)
  );
}

/** Equal for equal sets of names. Names may contain anything, so each goes with its length. */
function listKey(names: readonly string[]): string {
  if (names.length === 1) return `${names[0]!.length}:${names[0]}`;
  let key = '';
  for (const name of [...new Set(names)].sort()) key += `${name.length}:${name}`;
  return key;
}

function tagsKey(tags: Readonly<Record<string, string>>): string {
  const names = Object.keys(tags);
  if (names.length > 1) names.sort();
  let key = '';
  for (const name of names) key += `${name.length}:${name}=${tags[name]!.length}:${tags[name]}`;
  return key;
}

function groupKey({ over, group }: { readonly over: string; readonly group: string }): string {
  return `${over.length}:${over}${group}`;
}

function invalid(id: string, key: string, value: unknown, problem: string): TuttiError {
  return new TuttiError('TUTTI_CONFIG_INVALID', {
    source: `the worker "${id}"`,
    key,
    value: String(value),
    problem,
    meaning: 'workers have ids of their own and a number of tasks at once',
  });
}
