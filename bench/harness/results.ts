import type { BenchCase, MeasuredValue, Sizes } from './case.ts';
import { type FigureRow, figureRows } from './figures.ts';
import type { Machine } from './machine.ts';
import type { SubjectResult } from './subject-result.ts';

/** One case, with every raw sample and what was computed from them. */
export interface CaseResult
  extends Omit<BenchCase, 'subjects' | 'sizes' | 'runs' | 'expectedS' | 'limits' | 'isProfiled'> {
  readonly sizes: Sizes;
  /** The run was broken off within this case: some samples are missing. */
  readonly isBrokenOff?: true;
  /** It was measured again after its run: when, of which commit, and what else the machine was doing before. */
  readonly again?: { readonly at: string; readonly commit: string; readonly loadBefore: readonly number[] };
  /** What was measured in its place before that, oldest first. */
  readonly before?: readonly FormerResult[];
  /** Why a line is not met, for each figure that has such a line. */
  readonly explanations: readonly Explanation[];
  readonly subjects: readonly SubjectResult[];
  readonly rows: readonly FigureRow[];
}

/** A case as it came out before it was measured again. */
export interface FormerResult {
  readonly at: string;
  readonly commit: string;
  readonly rows: readonly FigureRow[];
}

/** The arithmetic of a limit, with the numbers of this run. */
export interface Explanation {
  readonly figure: string;
  readonly text: string;
}

/** What a run was told beside its sizes. */
export interface RunSettings {
  readonly peers: boolean;
  readonly profile: boolean;
  readonly soakMinutes: number | null;
}

/** One run of the bench, as `--json` writes it. */
export interface ResultDocument {
  readonly format: 1;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly quick: boolean;
  readonly machine: Machine;
  /** What the run was told; results of before November 2026 do not say. */
  readonly settings?: RunSettings;
  readonly loadAfter: readonly number[];
  /** The run was broken off: there is what was measured by then. */
  readonly isBrokenOff?: true;
  readonly cases: readonly CaseResult[];
}

/** As a reader looks for them: C2 before C10, whichever was measured first. */
export function inOrder(cases: readonly CaseResult[]): CaseResult[] {
  return cases.toSorted((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
}

/** Joins a case's definition with what its subjects measured. */
export function caseResult(
  bench: BenchCase,
  sizes: Sizes,
  subjects: readonly SubjectResult[],
  isBrokenOff = false,
): CaseResult {
  const { id, title, measures, payload, durability, verification, figures, targets, curves, note } = bench;
  const rows = figureRows(bench, subjects);
  return {
    id,
    title,
    measures,
    payload,
    durability,
    verification,
    figures,
    targets,
    ...(curves ? { curves } : {}),
    ...(note === undefined ? {} : { note }),
    ...(isBrokenOff ? { isBrokenOff } : {}),
    sizes,
    subjects,
    rows,
    explanations: explanationsOf(bench, rows),
  };
}

/** Only figures with a line that is not met need explaining. */
function explanationsOf({ limits = [], targets }: BenchCase, rows: readonly FigureRow[]): Explanation[] {
  const measured: MeasuredValue = (subject, figure) =>
    rows.find((row) => row.subject === subject && row.figure === figure && row.samples > 0)?.value;
  const arithmetic = limits.map(({ figure, explain }) => ({ figure, text: explain(measured) }));
  const reasons = targets.map(({ figure, noLimit }) => ({ figure, text: noLimit }));
  const isUnmet = (wanted: string) =>
    rows.some(({ figure, verdicts }) => figure === wanted && verdicts.some(({ met }) => met === false));
  return [...arithmetic, ...reasons].flatMap(({ figure, text }) =>
    text !== undefined && isUnmet(figure) ? [{ figure, text }] : [],
  );
}
