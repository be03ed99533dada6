import type { Measurement, Point, Sizes } from '../../harness/case.ts';
import { Histogram, type PackedHistogram } from '../../harness/histogram.ts';
import { atEnds, type ClosedLoad, heat } from '../../harness/load.ts';
import { type ProcessorUse, processorUse } from '../../harness/processor-use.ts';

/** What a load gave. Latencies are in milliseconds. */
export interface LoadAnswer {
  readonly perS: number;
  readonly latencies: PackedHistogram;
  /** Further figures of the level: `batch` becomes `batch-64` at 64 clients. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Something that can be loaded by closed-loop clients. */
export interface Loaded {
  load(load: ClosedLoad): Promise<LoadAnswer>;
  /** Collects garbage wherever that can be asked for. */
  collect(): Promise<unknown>;
  /** Of all processes that take part, the clients' among them. */
  readonly pids: readonly number[];
  /** The process of the clients, where it is none of the others. */
  readonly clientPid?: number;
}

/**
 * A warm-up that nobody looks at, a collection, and then each level: the rate, the latencies, and what a commit took of
 * the processors while it was counted. The highest level comes first, right behind the warm-up, so that a subject which
 * has that one alone is measured as warm as one that has them all, and a lone client finds the code in its last shape.
 */
export async function measureLevels(
  levels: readonly number[],
  { heatMs, warmUpMs, durationMs }: Sizes,
  subject: Loaded,
): Promise<Required<Pick<Measurement, 'figures' | 'histograms' | 'curves'>>> {
  const figures: Record<string, number> = {};
  const histograms: Record<string, PackedHistogram> = {};
  await subject.load(heat(heatMs!));
  await subject.collect();
  for (const clients of highestFirst(levels)) {
    const load = { clients, warmUpMs: warmUpMs!, durationMs: durationMs! };
    const [answer, use, client] = await Promise.all([
      subject.load(load),
      useMeanwhile(load, subject.pids),
      useMeanwhile(load, subject.clientPid === undefined ? [] : [subject.clientPid]),
    ]);
    const commits = (answer.perS * durationMs!) / 1_000;
    const own: Record<string, number> = { rate: answer.perS, ...answer.figures };
    if (use && commits > 0) {
      own['processor'] = use.usedUs / commits;
      own['wait'] = use.waitedUs / commits;
      if (client && subject.clientPid !== undefined) own['client'] = client.usedUs / commits;
    }
    for (const [name, value] of Object.entries(own)) figures[`${name}-${clients}`] = value;
    histograms[`commit-${clients}`] = answer.latencies;
  }
  return { figures, histograms, curves: { load: loadCurve(levels, figures, histograms) } };
}

export const highestFirst = (levels: readonly number[]) => levels.toSorted((a, b) => b - a);

/** Throughput against the median latency. A level at which nothing was done has no place on it. */
export function loadCurve(
  levels: readonly number[],
  figures: Measurement['figures'],
  histograms: Readonly<Record<string, PackedHistogram>>,
): Point[] {
  return levels.flatMap((clients) => {
    const [rate, latencies] = [figures[`rate-${clients}`], histograms[`commit-${clients}`]];
    if (!rate || !latencies?.count) return [];
    return { x: rate, y: Histogram.merged([latencies]).percentile(0.5) };
  });
}

async function useMeanwhile(load: ClosedLoad, pids: readonly number[]): Promise<ProcessorUse | undefined> {
  const [before, after] = await atEnds(load, () => processorUse(pids));
  if (!before || !after) return undefined;
  return { usedUs: after.usedUs - before.usedUs, waitedUs: after.waitedUs - before.waitedUs };
}

/**
 * Where a case offers a rate as well, the latencies from when each request was due: of a load that comes whether or not
 * what came before is answered, so that a stall is felt by all who meet it.
 */
export async function measureOffered(
  { ratePerS, offeredMs }: Sizes,
  offer: (load: OfferedLoad) => Promise<PackedHistogram>,
): Promise<Record<string, PackedHistogram>> {
  if (ratePerS === undefined) return {};
  return { offered: await offer({ ratePerS, durationMs: offeredMs! }) };
}

/** An open loop. */
export interface OfferedLoad {
  readonly ratePerS: number;
  readonly durationMs: number;
}
