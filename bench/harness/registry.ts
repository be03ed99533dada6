import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BenchCase } from './case.ts';

const FOLDER = fileURLToPath(new URL('../cases', import.meta.url));
const SUFFIX = '.bench.ts';

/** Ids of all cases, as their files are named: `r1-one-way.bench.ts` is R1. */
export function caseIds(): string[] {
  return files()
    .map(idOf)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** Where each case is, by id. */
export function caseFiles(): Map<string, string> {
  return new Map(files().map((file) => [idOf(file), file]));
}

/** The cases by id, or all of them; letter case does not matter. @throws Error naming what is not there */
export async function loadCases(ids: readonly string[] = []): Promise<BenchCase[]> {
  const all = caseFiles();
  const wanted = ids.length === 0 ? caseIds() : ids.map((id) => id.toUpperCase());
  const unknown = wanted.filter((id) => !all.has(id));
  if (unknown.length > 0) throw new Error(`no case ${unknown.join(', ')}; there are ${caseIds().join(', ')}`);
  return await Promise.all(wanted.map((id) => importCase(id, all.get(id)!)));
}

async function importCase(id: string, file: string): Promise<BenchCase> {
  const { bench } = (await import(pathToFileURL(join(FOLDER, file)).href)) as { bench?: BenchCase };
  if (bench?.id !== id) throw new Error(`${file} exports no bench with the id ${id}`);
  return bench;
}

function files(): string[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith(SUFFIX));
}

function idOf(file: string): string {
  return file.split('-')[0]!.toUpperCase();
}
