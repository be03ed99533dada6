import type { BenchCase } from './case.ts';
import { type FigureRow, figureRows } from './figures.ts';
import type { Machine } from './machine.ts';
import type { SubjectResult } from './subject-result.ts';

/** One case, with every raw sample and what was computed from them. */
export interface CaseResult extends Omit<BenchCase, 'subjects' | 'sizes' | 'runs'> {
  readonly sizes: BenchCase['sizes']['quick'];
  readonly subjects: readonly SubjectResult[];
  readonly rows: readonly FigureRow[];
}

/** One run of the bench, as `--json` writes it. */
export interface ResultDocument {
  readonly format: 1;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly loadAfter: readonly number[];
  readonly cases: readonly CaseResult[];
}

/** Joins a case's definition with what its subjects measured. */
export function caseResult(
  bench: BenchCase,
  sizes: BenchCase['sizes']['quick'],
  subjects: readonly SubjectResult[],
): CaseResult {
  const { subjects: _, sizes: __, runs: ___, ...header } = bench;
  return { ...header, sizes, subjects, rows: figureRows(bench, subjects) };
}
