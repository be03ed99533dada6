import type { WorkInput } from '@tutti/actors';
import { loadModule } from '../backend/service-modules.ts';
import { drawn, loadCatalogue } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { Pace } from '../pace.ts';

interface CachePolicy {
  readonly entriesMax: number;
  readonly kinds: readonly { readonly prefix: string; readonly ttlSeconds: number }[];
}

interface CacheModule {
  readonly createCache: (
    policy: CachePolicy,
    now: () => number,
  ) => {
    get(key: string): unknown;
    set(key: string, value: unknown): void;
    size(): number;
    readonly statistics: { readonly hits: number; readonly misses: number };
  };
}

const SIZES = [32, 64, 128, 256, 512] as const;
const REQUESTS = 150_000;
const HIT_RATIO_MIN = 0.8;
const MEMORY_MB = 64;
const KINDS = [{ prefix: 'products', ttlSeconds: 30 }] as const;

/**
 * "Redis caching layer": writes the cache that the service uses, replays a day of browsing against several sizes of
 * it, takes the smallest that is good enough, and configures Redis to the same policy.
 */
export async function buildCache(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const pace = new Pace(input.signal);
  await folder.copyTemplates(['service/cache.mjs']);
  const { createCache } = await loadModule<CacheModule>(folder, 'service/cache.mjs');
  const trace = await browsingTrace(pace);
  const ratios: Record<string, number> = {};
  for (const entriesMax of SIZES) {
    ratios[entriesMax] = await hitRatio(createCache, { entriesMax, kinds: KINDS }, trace, pace);
  }
  const checks = new Checks();
  const entriesMax = SIZES.find((size) => (ratios[size] ?? 0) >= HIT_RATIO_MIN);
  checks.holds(
    'a size that hits often enough',
    entriesMax !== undefined,
    ratios,
    `at least ${HIT_RATIO_MIN}`,
  );
  return {
    policy: await folder.writeJson('cache/policy.json', { entriesMax, kinds: KINDS }),
    redis: await folder.write('cache/redis.conf', redisConfiguration()),
    cacheReport: await folder.writeJson('cache/hit-ratios.json', { requests: REQUESTS, ratios }),
    entriesMax,
    infrastructure_provisions: { redis: { version: '7.4', port: 6379, memoryMb: MEMORY_MB } },
  };
}

/** People look at few things often: the rank of a query is drawn with a weight of one over the rank (Zipf). */
async function browsingTrace(pace: Pace): Promise<string[]> {
  const { products, colours, categories } = await loadCatalogue().then((catalogue) => ({
    products: catalogue.products,
    colours: catalogue.colours,
    categories: [...new Set(catalogue.products.map(({ category }) => category))],
  }));
  const queries = [
    ...categories.map((category) => `products:category=${category}`),
    ...products.map(({ title }) => `products:q=${title}`),
    ...products.flatMap(({ title }) => colours.map(({ name }) => `products:q=${title}, ${name}`)),
  ];
  const cumulative: number[] = [];
  let sum = 0;
  for (const rank of queries.keys()) cumulative.push((sum += 1 / (rank + 1)));
  const trace: string[] = [];
  for (let index = 0; index < REQUESTS; index++) {
    const point = (drawn(`browse:${index}`, 1e9) / 1e9) * sum;
    const rank = cumulative.findIndex((bound) => point <= bound);
    trace.push(queries[rank] ?? queries[0] ?? '');
    await pace.next();
  }
  return trace;
}

async function hitRatio(
  createCache: CacheModule['createCache'],
  policy: CachePolicy,
  trace: readonly string[],
  pace: Pace,
): Promise<number> {
  let nowMs = 0;
  const cache = createCache(policy, () => nowMs);
  const checks = new Checks();
  for (const key of trace) {
    nowMs += 4;
    if (cache.get(key) === undefined) cache.set(key, key);
    if (cache.size() > policy.entriesMax) checks.equal('entries', cache.size(), policy.entriesMax);
    await pace.next();
  }
  return Number((cache.statistics.hits / trace.length).toFixed(4));
}

function redisConfiguration(): string {
  return [
    'bind 0.0.0.0',
    'protected-mode yes',
    'port 6379',
    `maxmemory ${MEMORY_MB}mb`,
    'maxmemory-policy allkeys-lru',
    // A cache: what it holds can be computed again, so it writes nothing to disk.
    'save ""',
    'appendonly no',
    '',
  ].join('\n');
}
