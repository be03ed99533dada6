import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeWritableFolder } from '../../packages/tutti/src/node/writable-folder.ts';
import { type Conditions, differencesOfParts } from './conditions.ts';
import type { CaseResult, ResultDocument } from './results.ts';

/** Larger results do not belong into the repository: a test holds what is committed to it. */
export const RESULT_BYTES_MAX = 4 * 2 ** 20;

/** A document as text: a line for each sample, so that two runs can be compared by their lines. */
export function resultText(document: ResultDocument): string {
  const { cases, ...header } = document;
  const lines = cases.map(caseText).join(',\n');
  return `${JSON.stringify(header).slice(0, -1)},"cases":[\n${lines}\n]}\n`;
}

function caseText({ subjects, ...header }: CaseResult): string {
  const lines = subjects.map(({ samples, ...subject }) => {
    const each = samples.map((sample) => `\n${JSON.stringify(sample)}`).join(',');
    return `${JSON.stringify(subject).slice(0, -1)},"samples":[${each}]}`;
  });
  return `${JSON.stringify(header).slice(0, -1)},"subjects":[\n${lines.join(',\n')}\n]}`;
}

/**
 * Finds out whether a file can be written, without changing it.
 * @throws TuttiError `TUTTI_FOLDER_UNWRITABLE`
 */
export function checkWritable(path: string): void {
  makeWritableFolder(dirname(path));
  if (existsSync(path) && !statSync(path).isFile())
    throw new Error(`${path} is no file, so no results fit there`);
}

/** Replaces the file in one step, so that it is whole whenever the run is broken off. */
export function writeWhole(path: string, text: string): void {
  makeWritableFolder(dirname(path));
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, text);
  renameSync(draft, path);
}

/** @throws Error naming the file when it is not there or no results */
export function readResults(path: string): ResultDocument {
  if (!existsSync(path)) throw new Error(`there are no results at ${path}`);
  let document: Partial<ResultDocument> | null;
  try {
    document = JSON.parse(readFileSync(path, 'utf8')) as Partial<ResultDocument> | null;
  } catch (thrown) {
    throw new Error(
      `${path} holds no results: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      { cause: thrown },
    );
  }
  if (document?.format !== 1 || !document.machine || !document.cases?.every?.(isCase))
    throw new Error(`${path} holds no results of this bench`);
  return document as ResultDocument;
}

/** Whether a case has what the table and the page go through. */
function isCase(found: Partial<CaseResult> | null): boolean {
  if (![found?.rows, found?.subjects, found?.figures, found?.explanations].every(Array.isArray)) return false;
  const { rows, subjects, figures } = found as CaseResult;
  return (
    figures.every((figure) => isText(figure?.id, figure?.title, figure?.unit)) &&
    subjects.every(
      (one) => isText(one?.id, one?.kind, one?.title) && [one.samples, one.failures].every(Array.isArray),
    ) &&
    rows.every(
      (row) =>
        figures.some(({ id }) => id === row?.figure) &&
        subjects.some(({ id }) => id === row.subject) &&
        [row.ratios, row.verdicts].every(Array.isArray) &&
        typeof row.interval === 'object',
    )
  );
}

function isText(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}

/**
 * The run in a file, to go on with it; undefined when there is none.
 * @throws Error when it is not the same program, machine and settings: two runs would pass for one
 */
export function resumable(path: string, current: Conditions): ResultDocument | undefined {
  if (!existsSync(path)) return undefined;
  const document = readResults(path);
  const { commit } = current.machine;
  const isKnown = /^[0-9a-f]+$/.test(commit);
  const found = isKnown
    ? differencesOfParts(document, current)
    : [`commit ${commit}: nobody can tell whether what is not in it is the same`];
  if (found.length === 0) return document;
  throw new Error(
    `${path} cannot be gone on with: ${found.join('; ')}. Run without --resume, or give another --json`,
  );
}
