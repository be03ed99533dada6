import { expect, test } from 'vitest';
import { Histogram } from '../../harness/histogram.ts';
import type { ClosedLoad } from '../../harness/load.ts';
import { loadCurve, measureLevels, measureOffered } from './levels.ts';

const SIZES = { heatMs: 3, warmUpMs: 1, durationMs: 2 };

function answered(...milliseconds: number[]) {
  const latencies = new Histogram();
  for (const each of milliseconds) latencies.record(each);
  return latencies.pack();
}

test('a subject is warmed up and collected once, then measured at the most clients first', async () => {
  const done: (ClosedLoad | 'collected')[] = [];
  const { figures, histograms, curves } = await measureLevels([1, 256], SIZES, {
    load: async (load) => {
      done.push(load);
      return { perS: 1_000 * load.clients, latencies: answered(1), figures: { batch: load.clients } };
    },
    collect: async () => done.push('collected'),
    pids: [],
  });
  expect(done).toEqual([
    { clients: 64, warmUpMs: 0, durationMs: 3 },
    'collected',
    { clients: 256, warmUpMs: 1, durationMs: 2 },
    { clients: 1, warmUpMs: 1, durationMs: 2 },
  ]);
  expect(figures).toMatchObject({ 'rate-1': 1_000, 'batch-1': 1, 'rate-256': 256_000, 'batch-256': 256 });
  expect(histograms['commit-256']!.count).toBe(1);
  expect(curves['load']!.map(({ x }) => x)).toEqual([1_000, 256_000]);
});

test('a level at which nothing was done within the time has no point on a curve', () => {
  const curve = loadCurve(
    [1, 64],
    { 'rate-1': 10, 'rate-64': 0 },
    { 'commit-1': answered(2), 'commit-64': answered(900) },
  );
  expect(curve).toHaveLength(1);
});

test('a rate is offered where the case gives one', async () => {
  const offer = async ({ ratePerS, durationMs }: { ratePerS: number; durationMs: number }) =>
    answered(ratePerS, durationMs);
  expect(await measureOffered({}, offer)).toEqual({});
  expect((await measureOffered({ ratePerS: 200, offeredMs: 50 }, offer))['offered']).toMatchObject({
    min: 50,
    max: 200,
  });
});
