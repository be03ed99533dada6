import type { BenchCase, FigureSpec, Measurement, Sizes } from './case.ts';
import { Histogram } from './histogram.ts';
import { showQuantity } from './quantity.ts';
import { runsOf } from './schedule.ts';
import { type Interval, median, ratioInterval } from './statistics.ts';

/** How one figure of ours differs between two trees. */
export interface Change {
  readonly caseId: string;
  readonly subject: string;
  readonly figure: string;
  readonly unit: string;
  readonly before: number;
  readonly after: number;
  /** After over before, and where it lies. */
  readonly ratio: number;
  readonly interval: Interval;
  readonly moved: 'better' | 'worse' | 'no';
}

export type Side = 'before' | 'after';

/** Differences smaller than this are not called a move even if the samples agree on them. */
const LEAST_CHANGE = 0.02;

/**
 * Measures our side of a case in both trees, in turns: before-after, after-before, and so on. Twice the usual number
 * of samples, since a difference is harder to see than a size.
 */
export async function compareCase(
  bench: BenchCase,
  quick: boolean,
  measure: (side: Side, caseId: string, subjectId: string, sizes: Sizes) => Promise<Measurement>,
): Promise<Change[]> {
  const sizes = quick ? bench.sizes.quick : bench.sizes.full;
  const changes: Change[] = [];
  for (const { id } of bench.subjects.filter(({ kind }) => kind === 'ours')) {
    const samples: Record<Side, Measurement[]> = { before: [], after: [] };
    for (let run = 0; run < 2 * runsOf(bench, quick); run++)
      for (const side of run % 2 === 0 ? (['before', 'after'] as const) : (['after', 'before'] as const))
        samples[side].push(await measure(side, bench.id, id, sizes));
    for (const figure of bench.figures) changes.push(...changeOf(bench.id, id, figure, samples));
  }
  return changes;
}

/** The change of one figure, if both sides have it. */
export function changeOf(
  caseId: string,
  subject: string,
  figure: FigureSpec,
  samples: Readonly<Record<Side, readonly Measurement[]>>,
): Change[] {
  const before = samples.before.flatMap((sample) => valueOf(sample, figure));
  const after = samples.after.flatMap((sample) => valueOf(sample, figure));
  if (before.length === 0 || after.length === 0) return [];
  const ratio = median(after) / median(before);
  const interval = ratioInterval(after, before);
  const isBeyondNoise = (interval.low > 1 || interval.high < 1) && Math.abs(ratio - 1) >= LEAST_CHANGE;
  const isUp = figure.better === 'higher' ? ratio > 1 : ratio < 1;
  const moved = !isBeyondNoise ? 'no' : isUp ? 'better' : 'worse';
  return [
    {
      caseId,
      subject,
      figure: figure.id,
      unit: figure.unit,
      before: median(before),
      after: median(after),
      ratio,
      interval,
      moved,
    },
  ];
}

function valueOf(sample: Measurement, { id, percentile }: FigureSpec): number[] {
  if (!percentile) return sample.figures[id] === undefined ? [] : [sample.figures[id]];
  const packed = sample.histograms?.[percentile.of];
  return packed ? [Histogram.merged([packed]).percentile(percentile.at)] : [];
}

/** One line per figure, those that moved marked. */
export function changeTable(changes: readonly Change[]): string {
  const percent = (ratio: number) => `${ratio >= 1 ? '+' : ''}${((ratio - 1) * 100).toFixed(1)} %`;
  return changes
    .map(({ caseId, figure, unit, before, after, ratio, interval, moved }) => {
      const word = moved === 'no' ? 'within noise' : moved.toUpperCase();
      const range = `${percent(interval.low)} to ${percent(interval.high)}`;
      const values = `${showQuantity(before, unit)} -> ${showQuantity(after, unit)}`;
      return `${`${caseId}.${figure}`.padEnd(28)} ${values.padEnd(34)} ${percent(ratio).padStart(8)} (${range})  ${word}`;
    })
    .join('\n');
}
