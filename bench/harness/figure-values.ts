import type { FigureSpec } from './case.ts';
import { Histogram } from './histogram.ts';
import { median } from './statistics.ts';
import type { SubjectResult } from './subject-result.ts';

/** A subject's value in each sample; who keeps no histogram may give a percentile as a plain figure. */
export function valuesOf(subject: Pick<SubjectResult, 'samples'>, { id, percentile }: FigureSpec): number[] {
  return subject.samples.flatMap(({ figures, histograms }) => {
    const packed = percentile && histograms?.[percentile.of];
    if (!packed) return figures[id] ?? [];
    return packed.count > 0 ? [Histogram.merged([packed]).percentile(percentile.at)] : [];
  });
}

/** The median of the samples; of a percentile, the one of all samples' latencies together. */
export function quotedValue(subject: SubjectResult, figure: FigureSpec): number {
  const { percentile } = figure;
  const packed = subject.samples.flatMap(
    ({ histograms }) => (percentile && histograms?.[percentile.of]) ?? [],
  );
  if (!percentile || packed.length === 0) return median(valuesOf(subject, figure));
  return Histogram.merged(packed).percentile(percentile.at);
}
