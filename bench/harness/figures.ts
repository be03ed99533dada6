import type { BenchCase, FigureSpec } from './case.ts';
import { quotedValue, valuesOf } from './figure-values.ts';
import { type Interval, medianInterval, ratioInterval, spread } from './statistics.ts';
import type { SubjectResult } from './subject-result.ts';
import { type Verdict, verdictsOf } from './verdicts.ts';

/** Ours over somebody else's. */
export interface Ratio {
  readonly subject: string;
  readonly title: string;
  readonly kind: SubjectResult['kind'];
  readonly ratio: number;
  readonly interval: Interval;
}

/** One figure of one subject: the line of the table. */
export interface FigureRow {
  readonly subject: string;
  readonly kind: SubjectResult['kind'];
  readonly figure: string;
  /** Not a number when no sample gave it: the row is there for its verdicts. */
  readonly value: number;
  readonly interval: Interval;
  readonly spread: number;
  readonly samples: number;
  /** Only for ours and its ablations. */
  readonly ratios: readonly Ratio[];
  readonly verdicts: readonly Verdict[];
}

/** Everything that a case's samples say, ours first; and what ours was to give and did not. */
export function figureRows(bench: BenchCase, subjects: readonly SubjectResult[]): FigureRow[] {
  return bench.figures.flatMap((figure) =>
    subjects.flatMap((subject) => {
      const values = valuesOf(subject, figure);
      const verdicts = verdictsOf({ bench, subjects, subject, figure });
      if (values.length === 0 && verdicts.length === 0) return [];
      const isOwn = subject.kind === 'ours' || subject.kind === 'ablation';
      const row: FigureRow = {
        subject: subject.id,
        kind: subject.kind,
        figure: figure.id,
        value: quotedValue(subject, figure),
        interval: medianInterval(values),
        spread: spread(values),
        samples: values.length,
        ratios: isOwn ? ratiosOf(subjects, subject, figure, values) : [],
        verdicts,
      };
      return [row];
    }),
  );
}

function ratiosOf(
  subjects: readonly SubjectResult[],
  subject: SubjectResult,
  figure: FigureSpec,
  values: readonly number[],
): Ratio[] {
  if (values.length === 0) return [];
  return subjects.flatMap((other) => {
    const theirs = other.id === subject.id ? [] : valuesOf(other, figure);
    if (theirs.length === 0) return [];
    return [
      {
        subject: other.id,
        title: other.title,
        kind: other.kind,
        ratio: quotedValue(subject, figure) / quotedValue(other, figure),
        interval: ratioInterval(values, theirs),
      },
    ];
  });
}
