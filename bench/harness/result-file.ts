import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeWritableFolder } from '../../packages/tutti/src/node/writable-folder.ts';
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

/** Whether a case has the lists that the table and the page go through. */
function isCase(found: Partial<CaseResult> | null): boolean {
  return [found?.rows, found?.subjects, found?.figures].every(Array.isArray);
}

/**
 * The cases of a run that was broken off which need not be measured again.
 * @throws Error when that run was of another commit, or of other sizes: its figures do not belong beside these
 */
export function resumable(
  path: string,
  current: { readonly quick: boolean; readonly commit: string },
): CaseResult[] {
  if (!existsSync(path)) return [];
  const { quick, machine, cases } = readResults(path);
  if (quick !== current.quick || machine.commit !== current.commit)
    throw new Error(
      `${path} is of ${quick ? 'a quick' : 'a full'} run of commit ${machine.commit.slice(0, 13)}, which this one is not: run without --resume, or give another --json`,
    );
  return cases.filter(({ isBrokenOff }) => !isBrokenOff);
}
