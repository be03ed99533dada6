import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PlaceableWorker, PlacementRequest } from './placement.ts';
import { placedInWords } from './placement.ts';
import { PlacementIndex } from './placement-index.ts';

/** The same written the dumb way: every worker is looked at for every decision. */
class Scan {
  readonly #workers: (PlaceableWorker & { busy: number; isGone: boolean })[] = [];
  readonly #placed: { group: string; over: string; value: string }[] = [];

  add(worker: PlaceableWorker): void {
    this.#workers.push({ ...worker, busy: 0, isGone: false });
  }

  remove(id: string): void {
    for (const worker of this.#workers) if (worker.id === id) worker.isGone = true;
  }

  place({ capabilities, tags = {}, prefer, spread }: PlacementRequest): string | undefined {
    const scored = this.#workers
      .map((worker, at) => ({
        worker,
        score: [
          prefer && worker.tags[prefer.tag] !== prefer.value ? 1 : 0,
          spread ? this.#same(spread, worker.tags[spread.over] ?? '').length : 0,
          worker.busy / worker.capacity,
          at,
        ],
      }))
      .filter(
        ({ worker }) =>
          !worker.isGone &&
          worker.busy < worker.capacity &&
          capabilities.every((item) => worker.capabilities.includes(item)) &&
          Object.entries(tags).every(([tag, value]) => worker.tags[tag] === value),
      );
    scored.sort((a, b) => a.score.map((part, i) => part - b.score[i]!).find((part) => part !== 0) ?? 0);
    const best = scored[0]?.worker;
    if (!best) return undefined;
    best.busy++;
    if (spread) this.#placed.push({ ...spread, value: best.tags[spread.over] ?? '' });
    return best.id;
  }

  release(id: string, spread: PlacementRequest['spread']): void {
    const worker = this.#workers.find((item) => item.id === id && !item.isGone);
    if (!worker || worker.busy === 0) return;
    worker.busy--;
    const value = worker.tags[spread?.over ?? ''] ?? '';
    const same = spread && this.#same(spread, value)[0];
    if (same) this.#placed.splice(this.#placed.indexOf(same), 1);
  }

  #same({ group, over }: NonNullable<PlacementRequest['spread']>, value: string) {
    return this.#placed.filter((item) => item.group === group && item.over === over && item.value === value);
  }
}

const capabilities = fc.uniqueArray(fc.constantFrom('build', 'test', 'gpu', 'a:b'), { maxLength: 3 });
const zone = fc.constantFrom('a', 'b', 'c');
const workers = fc.array(
  fc.record({ capabilities, zone: fc.option(zone), capacity: fc.integer({ min: 1, max: 7 }) }),
  { minLength: 1, maxLength: 12 },
);
const requests = fc.record({
  capabilities: fc.uniqueArray(fc.constantFrom('build', 'test', 'gpu', 'a:b'), { maxLength: 2 }),
  tags: fc.option(zone),
  prefer: fc.option(zone),
  group: fc.option(fc.constantFrom('job', 'other')),
});
const steps = fc.array(
  fc.record({
    act: fc.constantFrom('place', 'place', 'place', 'release', 'remove', 'add'),
    pick: fc.nat(99),
    request: requests,
  }),
  { minLength: 30, maxLength: 80 },
);

interface Wish {
  readonly capabilities: readonly string[];
  readonly tags: string | null;
  readonly prefer: string | null;
  readonly group: string | null;
}

function requestOf({ capabilities: needed, tags, prefer, group }: Wish): PlacementRequest {
  return {
    capabilities: needed,
    ...(tags === null ? {} : { tags: { zone: tags } }),
    ...(prefer === null ? {} : { prefer: { tag: 'zone', value: prefer } }),
    ...(group === null ? {} : { spread: { over: 'zone', group } }),
  };
}

test('the index decides what a scan over all workers decides, whatever comes, goes and ends', () => {
  let placedInAll = 0;
  fc.assert(
    fc.property(workers, steps, (drawn, played) => {
      const index = new PlacementIndex();
      const scan = new Scan();
      const placed: { id: string; spread: PlacementRequest['spread'] }[] = [];
      let count = 0;
      const add = ({ capabilities: can, zone: at, capacity }: (typeof drawn)[number]) => {
        const worker = {
          id: `w${count++}`,
          capabilities: can,
          tags: at === null ? {} : { zone: at },
          capacity,
        };
        index.add(worker);
        scan.add(worker);
      };
      for (const worker of drawn) add(worker);
      for (const { act, pick, request: wish } of played) {
        const request = requestOf(wish);
        if (act === 'add') add(drawn[pick % drawn.length]!);
        else if (act === 'remove') {
          index.remove(`w${pick % count}`);
          scan.remove(`w${pick % count}`);
        } else if (act === 'release') {
          const [last] = placed.length > 0 ? placed.splice(pick % placed.length, 1) : [];
          if (last) index.release(last.id, last.spread);
          if (last) scan.release(last.id, last.spread);
        } else {
          const why = index.why(request);
          const decision = index.place(request);
          expect(decision?.worker).toBe(scan.place(request));
          expect(why === undefined).toBe(decision !== undefined);
          if (!decision) continue;
          placedInAll++;
          placed.push({ id: decision.worker, spread: request.spread });
          expect(placedInWords(decision)).toContain(decision.worker);
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(placedInAll).toBeGreaterThan(500);
});

test('whoever finds nobody is told what is missing', () => {
  const index = new PlacementIndex();
  index.add({ id: 'w', capabilities: ['build'], tags: { zone: 'a' }, capacity: 1 });
  expect(index.why({ capabilities: ['gpu'] })).toBe('none of 1 workers can do gpu');
  expect(index.why({ capabilities: ['build'], tags: { zone: 'b' } })).toBe(
    'none of the 1 workers that can do it has the tags {"zone":"b"}',
  );
  index.place({ capabilities: ['build'] });
  expect(index.why({ capabilities: ['build'] })).toBe('all 1 workers that fit are at their capacity');
});

test.each([0, -1, 1.5, Number.NaN])('a capacity of %s is refused with a code', (capacity) => {
  const worker = { id: 'w', capabilities: [], tags: {}, capacity };
  expect(() => new PlacementIndex().add(worker)).toThrow('capacity');
});

test('an id that is taken is refused with a code', () => {
  const index = new PlacementIndex();
  const worker = { id: 'w', capabilities: [], tags: {}, capacity: 1 };
  index.add(worker);
  expect(() => index.add(worker)).toThrow('another worker has it');
});

test('a decision looks at kinds and not at workers', () => {
  const index = new PlacementIndex();
  for (let i = 0; i < 5_000; i++)
    index.add({ id: `w${i}`, capabilities: [`can-${i % 10}`], tags: { zone: `z${i % 4}` }, capacity: 4 });
  expect(index.place({ capabilities: ['can-3'] })!.examined).toBeLessThanOrEqual(4);
});
