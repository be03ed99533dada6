import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { RAFT_MUTANTS } from '../../scripts/sim/raft-mutants.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const sources = join(root, 'packages', 'consensus', 'src');
const page = readFileSync(join(root, 'docs', 'consensus', 'raft.md'), 'utf8');

interface Rule {
  readonly rule: string;
  readonly code: readonly string[];
  /** Test files with the titles that are named of each. */
  readonly tests: readonly { readonly file: string; readonly titles: readonly string[] }[];
  readonly bugs: readonly string[];
}

/** The rows of every table that has a column of code or checkers and one of tests. */
function rulesOf(text: string): Rule[] {
  let columns: string[] = [];
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('|')) {
      columns = [];
      return [];
    }
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (columns.length === 0) columns = cells;
    const cell = (...names: string[]) => cells[columns.findIndex((column) => names.includes(column))] ?? '';
    const isRule = columns.some((name) => name === 'held by' || name === 'shown to bite by');
    if (!isRule || cells === columns || cells.every((text) => /^-+$/.test(text))) return [];
    const tests = testsOf(spansOf(cell('held by', 'shown to bite by')));
    return [
      { rule: cells[0]!, code: spansOf(cell('code', 'checker')), tests, bugs: spansOf(cell('planted bugs')) },
    ];
  });
}

const spansOf = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, span]) => span!);

/** A span that ends like a test file begins the titles of that file. */
function testsOf(spans: readonly string[]): { file: string; titles: string[] }[] {
  const tests: { file: string; titles: string[] }[] = [];
  for (const span of spans) {
    if (span.endsWith('.test.ts')) tests.push({ file: span, titles: [] });
    else tests.at(-1)?.titles.push(span);
  }
  return tests;
}

/** Every text that stands where a test has its title. */
function titlesIn(file: string): string[] {
  const text = readFileSync(join(sources, file), 'utf8');
  return [...text.matchAll(/\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g)].map(([, , title]) => title!);
}

const rules = rulesOf(page);
const bugs = new Set(RAFT_MUTANTS.map(({ name }) => name));

describe('the page on Raft', () => {
  test('has a table for each part of the protocol', () => {
    expect(rules.length).toBeGreaterThan(45);
  });

  test.each(rules)('$rule: its files, tests and planted bugs exist', ({ code, tests, bugs: planted }) => {
    expect(code.length).toBeGreaterThan(0);
    for (const file of code) expect(existsSync(join(sources, file)), file).toBe(true);
    expect(tests.length).toBeGreaterThan(0);
    for (const { file, titles } of tests) {
      expect(existsSync(join(sources, file)), file).toBe(true);
      expect(titles.length, `${file} is named with a title`).toBeGreaterThan(0);
      const there = titlesIn(file);
      for (const title of titles)
        expect(
          there.some((one) => one.includes(title)),
          `"${title}" in ${file}`,
        ).toBe(true);
    }
    for (const bug of planted) expect(bugs.has(bug), bug).toBe(true);
  });

  test('names every planted bug beside a rule', () => {
    const named = new Set(rules.flatMap((rule) => rule.bugs));
    expect([...bugs].filter((bug) => !named.has(bug))).toEqual([]);
  });

  test('names files of the sources wherever it names one', () => {
    const files = [
      ...page.matchAll(/`((?:raft|replica|storage|sim|quorum|linearizability)\/[\w./-]+\.ts)`/g),
    ];
    expect(files.length).toBeGreaterThan(60);
    for (const [, file] of files) expect(existsSync(join(sources, file!)), file).toBe(true);
  });
});
