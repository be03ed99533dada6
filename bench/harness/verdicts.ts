import type { BenchCase, FigureSpec, Target } from './case.ts';
import { quotedValue, valuesOf } from './figure-values.ts';
import { showNumber, showQuantity } from './quantity.ts';
import { type Interval, medianInterval, ratioInterval, SAMPLES_TO_JUDGE } from './statistics.ts';
import type { SubjectResult } from './subject-result.ts';

/** A floor or an aim, judged. */
export interface Verdict {
  readonly level: Target['level'];
  /** What was asked, such as `2x erlang`. */
  readonly asked: string;
  /** What came out, in the same unit; undefined when it was not measured. */
  readonly got: number | undefined;
  /** Why it cannot be judged, or is not met whatever the other samples say. */
  readonly why?: string;
  /** Where `got` lies, as far as the samples can tell. */
  readonly interval?: Interval;
  /** Undefined when there is nothing to judge. */
  readonly met: boolean | undefined;
  /** Why it could have come out the other way with other samples. */
  readonly doubt?: string;
}

/** Behind the number of lines that are met: how many of them could have come out the other way. */
export function doubtText(verdicts: readonly Verdict[]): string {
  const count = verdicts.filter(({ met, doubt }) => met && doubt !== undefined).length;
  return count > 0 ? `, ${count} of them in doubt` : '';
}

/** What is judged. */
interface Judged {
  readonly bench: BenchCase;
  readonly subjects: readonly SubjectResult[];
  readonly subject: SubjectResult;
  readonly figure: FigureSpec;
}

/**
 * Every line of a figure that a subject of ours owes, judged. A sample that failed, or gave no such figure, is not
 * met: what the others gave cannot speak for it.
 */
export function verdictsOf(judged: Judged): Verdict[] {
  const { bench, subject, figure } = judged;
  const targets = owes(bench, subject, figure) ? bench.targets : [];
  return targets.filter((target) => target.figure === figure.id).map((target) => verdictOf(judged, target));
}

function owes({ subjects }: BenchCase, { id, kind }: SubjectResult, figure: FigureSpec): boolean {
  const own = subjects.find((subject) => subject.id === id)?.figures;
  return kind === 'ours' && (own === undefined || own.includes(figure.id));
}

function verdictOf({ bench, subjects, subject, figure }: Judged, target: Target): Verdict {
  const { level, value, against } = target;
  const line = { level, asked: askedOf(target, figure) };
  const values = valuesOf(subject, figure);
  const broken = whyBroken(subject, values.length);
  const other = against && unitOf(bench, subjects, against, figure);
  if (values.length === 0 || (against && !other)) {
    const why = broken ?? whyAbsent(subjects, values.length > 0 ? against!.subject : subject.id);
    return { ...line, got: undefined, met: broken === undefined ? undefined : false, why };
  }
  const got = quotedValue(subject, figure) / (other?.quoted ?? 1);
  const interval = other ? ratioInterval(values, other.values) : medianInterval(values);
  if (broken !== undefined) return { ...line, got, interval, met: false, why: broken };
  const meets = (one: number) => (figure.better === 'higher' ? one >= value : one <= value);
  const samples = Math.min(values.length, other?.values.length ?? values.length);
  const doubt = doubtOf(samples, meets(interval.low) !== meets(interval.high));
  return { ...line, got, interval, met: meets(got), ...(doubt === undefined ? {} : { doubt }) };
}

/** Why a figure is not to be had from every sample that was tried. */
function whyBroken({ samples, failures }: SubjectResult, values: number): string | undefined {
  if (failures.length > 0) return `${failures.length} of ${failures.length + samples.length} samples failed`;
  const without = samples.length - values;
  return without > 0 ? `${without} of ${samples.length} samples gave no such figure` : undefined;
}

/** Why there is nothing of a subject. */
function whyAbsent(subjects: readonly SubjectResult[], id: string): string {
  const found = subjects.find((subject) => subject.id === id);
  if (found?.skipped !== undefined) return `${id} was skipped: ${found.skipped}`;
  return found && found.failures.length > 0 ? `${id} failed` : `${id} was not measured`;
}

/** Two samples cannot say how far a third would be from them. */
function doubtOf(samples: number, isWithinNoise: boolean): string | undefined {
  if (samples < SAMPLES_TO_JUDGE) return samples === 1 ? 'from one sample' : `from ${samples} samples`;
  return isWithinNoise ? 'within the noise' : undefined;
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
  return other && spec && values.length > 0 ? { quoted: quotedValue(other, spec), values } : undefined;
}

function askedOf({ value, against, figure }: Target, { unit }: FigureSpec): string {
  if (!against) return showQuantity(value, unit);
  const what =
    against.figure && against.figure !== figure ? `${against.subject}'s ${against.figure}` : against.subject;
  return `${showNumber(value)}x ${what}`;
}
