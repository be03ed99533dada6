import type { BenchCase, FigureSpec, Target } from './case.ts';
import { Histogram } from './histogram.ts';
import { type Interval, median, medianInterval, ratioInterval, spread } from './statistics.ts';
import type { SubjectResult } from './subject-result.ts';

/** Ours over somebody else's. */
export interface Ratio {
  readonly subject: string;
  readonly title: string;
  readonly kind: SubjectResult['kind'];
  readonly ratio: number;
  readonly interval: Interval;
}

/** A floor or an aim, judged. */
export interface Verdict {
  readonly level: Target['level'];
  /** What was asked, such as `2x erlang`. */
  readonly asked: string;
  /** What came out, in the same unit; undefined when it was not measured. */
  readonly got: number | undefined;
  /** Why it was not, where it was not. */
  readonly why?: string;
  /** Where `got` lies, as far as the samples can tell. */
  readonly interval?: Interval;
  readonly met: boolean | undefined;
  /** What was asked lies within the interval: with other samples it could have come out the other way. */
  readonly isInDoubt?: true;
}

/** One figure of one subject: the line of the table. */
export interface FigureRow {
  readonly subject: string;
  readonly kind: SubjectResult['kind'];
  readonly figure: string;
  readonly value: number;
  readonly interval: Interval;
  readonly spread: number;
  readonly samples: number;
  /** Only for ours and its ablations. */
  readonly ratios: readonly Ratio[];
  readonly verdicts: readonly Verdict[];
}

/** Everything that a case's samples say, ours first. */
export function figureRows(bench: BenchCase, subjects: readonly SubjectResult[]): FigureRow[] {
  return bench.figures.flatMap((figure) =>
    subjects.flatMap((subject) => {
      const values = valuesOf(subject, figure);
      if (values.length > 0) return [rowOf(bench, subjects, subject, figure, values)];
      return isOwed(bench, subjects, subject, figure) ? [rowOfNothing(bench, subject, figure)] : [];
    }),
  );
}

/** Whether a line has nobody to be judged by because this subject of ours failed: then it is shown as open, not left out. */
function isOwed(
  { targets }: BenchCase,
  subjects: readonly SubjectResult[],
  subject: SubjectResult,
  figure: FigureSpec,
): boolean {
  if (subject.kind !== 'ours' || subject.failures.length === 0) return false;
  if (!targets.some((target) => target.figure === figure.id)) return false;
  return !subjects.some((one) => one.kind === 'ours' && valuesOf(one, figure).length > 0);
}

function rowOfNothing(bench: BenchCase, subject: SubjectResult, figure: FigureSpec): FigureRow {
  const nothing = { low: Number.NaN, high: Number.NaN };
  const verdicts = bench.targets
    .filter((target) => target.figure === figure.id)
    .map((target) => unjudged(target, figure, `${subject.id} failed`));
  return {
    subject: subject.id,
    kind: subject.kind,
    figure: figure.id,
    value: Number.NaN,
    interval: nothing,
    spread: Number.NaN,
    samples: 0,
    ratios: [],
    verdicts,
  };
}

function unjudged(target: Target, figure: FigureSpec, why: string): Verdict {
  return { level: target.level, asked: askedOf(target, figure), got: undefined, met: undefined, why };
}

function rowOf(
  bench: BenchCase,
  subjects: readonly SubjectResult[],
  subject: SubjectResult,
  figure: FigureSpec,
  values: readonly number[],
): FigureRow {
  const isOwn = subject.kind === 'ours' || subject.kind === 'ablation';
  return {
    subject: subject.id,
    kind: subject.kind,
    figure: figure.id,
    value: quoted(subject, figure),
    interval: medianInterval(values),
    spread: spread(values),
    samples: values.length,
    ratios: isOwn ? ratiosOf(subjects, subject, figure, values) : [],
    verdicts: subject.kind === 'ours' ? verdictsOf(bench, subjects, subject, figure) : [],
  };
}

/** A subject's value in each sample; who keeps no histogram may give a percentile as a plain figure. */
function valuesOf(subject: SubjectResult, { id, percentile }: FigureSpec): number[] {
  return subject.samples.flatMap(({ figures, histograms }) => {
    const packed = percentile && histograms?.[percentile.of];
    if (!packed) return figures[id] ?? [];
    return packed.count > 0 ? [Histogram.merged([packed]).percentile(percentile.at)] : [];
  });
}

/** The median of the samples; of a percentile, the one of all samples' latencies together. */
function quoted(subject: SubjectResult, figure: FigureSpec): number {
  const { percentile } = figure;
  const packed = subject.samples.flatMap(
    ({ histograms }) => (percentile && histograms?.[percentile.of]) ?? [],
  );
  if (!percentile || packed.length === 0) return median(valuesOf(subject, figure));
  return Histogram.merged(packed).percentile(percentile.at);
}

function ratiosOf(
  subjects: readonly SubjectResult[],
  subject: SubjectResult,
  figure: FigureSpec,
  values: readonly number[],
): Ratio[] {
  return subjects.flatMap((other) => {
    const theirs = other.id === subject.id ? [] : valuesOf(other, figure);
    if (theirs.length === 0) return [];
    return [
      {
        subject: other.id,
        title: other.title,
        kind: other.kind,
        ratio: quoted(subject, figure) / quoted(other, figure),
        interval: ratioInterval(values, theirs),
      },
    ];
  });
}

function verdictsOf(
  bench: BenchCase,
  subjects: readonly SubjectResult[],
  subject: SubjectResult,
  figure: FigureSpec,
): Verdict[] {
  return bench.targets
    .filter((target) => target.figure === figure.id)
    .map((target) => {
      const other = target.against && unitOf(bench, subjects, target.against, figure);
      if (target.against && !other)
        return unjudged(target, figure, whyAbsent(subjects, target.against.subject));
      const values = valuesOf(subject, figure);
      const got = quoted(subject, figure) / (other?.quoted ?? 1);
      const interval = other ? ratioInterval(values, other.values) : medianInterval(values);
      const met = figure.better === 'higher' ? got >= target.value : got <= target.value;
      const isInDoubt = interval.low < target.value && target.value < interval.high;
      const doubt = isInDoubt ? { isInDoubt } : {};
      return { level: target.level, asked: askedOf(target, figure), got, interval, met, ...doubt };
    });
}

/** Why there is nothing to compare with. */
function whyAbsent(subjects: readonly SubjectResult[], id: string): string {
  const other = subjects.find((subject) => subject.id === id);
  if (other?.skipped !== undefined) return `${id} was skipped: ${other.skipped}`;
  return other && other.failures.length > 0 ? `${id} failed` : `${id} was not measured`;
}

function unitOf(
  bench: BenchCase,
  subjects: readonly SubjectResult[],
  against: NonNullable<Target['against']>,
  figure: FigureSpec,
): { readonly quoted: number; readonly values: readonly number[] } | undefined {
  const other = subjects.find(({ id }) => id === against.subject);
  const spec = bench.figures.find(({ id }) => id === (against.figure ?? figure.id));
  const values = other && spec ? valuesOf(other, spec) : [];
  return other && spec && values.length > 0 ? { quoted: quoted(other, spec), values } : undefined;
}

function askedOf({ value, against, figure }: Target, { unit }: FigureSpec): string {
  if (!against) return showQuantity(value, unit);
  const what =
    against.figure && against.figure !== figure ? `${against.subject}'s ${against.figure}` : against.subject;
  return `${showNumber(value)}x ${what}`;
}

/** A value with its unit, in the size of unit that reads best: `12.3 M msg/s`, `1.4 ms`. */
export function showQuantity(value: number, unit: string): string {
  if (unit === 'bytes')
    return value >= 1e6
      ? `${showNumber(value / 1e6)} MB`
      : value >= 1e4
        ? `${showNumber(value / 1e3)} kB`
        : `${showNumber(value)} B`;
  if (unit === 'us' && value >= 1_000) return `${showNumber(value / 1_000)} ms`;
  if (unit === 'ms' && value < 1) return `${showNumber(value * 1_000)} us`;
  const [scaled, prefix] =
    value >= 1e6 ? [value / 1e6, 'M '] : value >= 1e4 ? [value / 1e3, 'k '] : [value, ''];
  return `${showNumber(scaled)} ${prefix}${unit}`.trimEnd();
}

/** Three significant digits, without an exponent. */
export function showNumber(value: number): string {
  if (!Number.isFinite(value)) return 'none';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}
