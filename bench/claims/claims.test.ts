import { globSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { RESULT_BYTES_MAX, readResults } from '../harness/result-file.ts';
import { caseResult, type ResultDocument } from '../harness/results.ts';
import type { SubjectResult } from '../harness/subject-result.ts';
import { benchOf } from '../harness/testing/bench-of.ts';
import { claimProblems, claimsIn, newestFirst, type ResultFile, unmarkedIn } from './claims.ts';
import { fillClaims } from './fill-claims.ts';

function fileOf(name: string, startedAt: string, rate: number, quick = false, figure = 'rate'): ResultFile {
  const subject = (id: string, kind: SubjectResult['kind'], value: number): SubjectResult => ({
    id,
    kind,
    title: id,
    configuration: '',
    failures: [],
    samples: [{ figures: { [figure]: value }, verified: '' }],
  });
  const subjects = [subject('ours', 'ours', rate), subject('etcd', 'peer', 5_000)];
  const machine: ResultDocument['machine'] = {
    processor: '',
    cores: 2,
    memoryBytes: 0,
    system: '',
    node: '',
    v8: '',
    versions: {},
    commit: '',
    loadBefore: [],
  };
  const figures = [{ id: figure, title: 'the rate', unit: 'msg/s', better: 'higher' }] as const;
  const cases = [caseResult(benchOf({ id: 'C1', figures }), {}, subjects)];
  return { name, document: { format: 1, startedAt, endedAt: '', quick, machine, loadAfter: [], cases } };
}

const RESULTS = [
  fileOf('old.json', '2026-11-01', 90_000),
  fileOf('new.json', '2026-11-20', 31_240),
  fileOf('quick.json', '2026-11-21', 7, true),
];

test('a claim is the last number before its mark, and no digit of a name', () => {
  const text =
    'first\n64 clients: **31.2 k** commits/s <!-- claim: C1.rate -->, 6.2x etcd, through etcd3 <!-- claim: C1.rate/etcd -->';
  expect(claimsIn(text)).toEqual([
    { source: 'C1.rate', shown: '31.2 k', line: 2 },
    { source: 'C1.rate/etcd', shown: '6.2', line: 2 },
  ]);
});

test('claims that the newest full run bears out are fine, to the digits shown', () => {
  for (const shown of ['31.2 k', '31 k', '31,240', '31,200', '0.031 M'])
    expect(claimProblems(`${shown} commits/s <!-- claim: C1.rate -->`, RESULTS), shown).toEqual([]);
  expect(claimProblems('6.2x etcd <!-- claim: C1.rate/etcd -->', RESULTS)).toEqual([]);
});

test('a claim that a newer run has overtaken is named with both numbers', () => {
  expect(claimProblems('90 k <!-- claim: C1.rate -->', RESULTS)).toEqual([
    'line 1, C1.rate: the text says 90 k, new.json says 31240',
  ]);
  expect(claimProblems('31.3 k <!-- claim: C1.rate -->', RESULTS)).toHaveLength(1);
});

test('a claim without a source, without a number, or from a quick run only, is named', () => {
  const text = '5 <!-- claim: C9.rate -->\nfast <!-- claim: C1.rate -->\n2x <!-- claim: C1.rate/ra -->';
  expect(claimProblems(text, RESULTS)).toEqual([
    'line 1, C9.rate: no full run in bench/results has this figure',
    'line 2, C1.rate: there is no number before the mark',
    'line 3, C1.rate/ra: no full run in bench/results has this figure',
  ]);
  expect(claimProblems('7 <!-- claim: C1.rate -->', RESULTS.slice(2))).toHaveLength(1);
});

test('rates and ratios without a mark are found outside of code, and settings are left alone', () => {
  const text = 'It does 31 k commits/s, 6.2x etcd <!-- claim: C1.rate/etcd -->.\n`5 k/s` and 300 ms\n3x Ra';
  expect(unmarkedIn(text)).toEqual([
    'line 1: 31 k commits/s has no claim mark',
    'line 3: 3x has no claim mark',
  ]);
});

test('a results file writes its own numbers into a text, and then bears them out', () => {
  const text =
    '**1 k** commits/s <!-- claim: C1.rate -->, 1x etcd <!-- claim: C1.rate/etcd -->, 4 <!-- claim: C9.x -->';
  const { text: written, filled, missing } = fillClaims(text, RESULTS[1]!);
  expect(written).toContain('**31.2 k** commits/s <!-- claim: C1.rate -->, 6.25x etcd');
  expect([filled, missing]).toEqual([2, ['C9.x']]);
  expect(claimProblems(written, RESULTS)).toEqual([
    'line 1, C9.x: no full run in bench/results has this figure',
  ]);
});

test('the table of headline figures is made of marked numbers that its results bear out', () => {
  const results = [fileOf('run.json', '2026-11-21', 31_240, false, 'rate-256')];
  const block = '<!-- measured: begin -->\nnothing yet\n<!-- measured: end -->';
  const files = new Map([['C1', 'c1-commits.bench.ts']]);
  const { text } = fillClaims(`before\n${block}\nafter`, results[0]!, files);
  expect(text).toContain('31.2 k /s <!-- claim: C1.rate-256 -->');
  expect(text).toContain('[C1](bench/cases/c1-commits.bench.ts)');
  expect(text).toContain('(bench/results/run.json)');
  expect(unmarkedIn(text)).toEqual([]);
  expect(claimProblems(text, results)).toEqual([]);
  expect(fillClaims(text, results[0]!, files).text).toBe(text);
});

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = globSync(['README.md', 'ARCHITECTURE.md', 'docs/**/*.md', 'packages/*/README.md'], {
  cwd: root,
});
const kept = globSync('bench/results/*.json', { cwd: root });

const results = kept.map(
  (name): ResultFile => ({ name: basename(name), document: readResults(join(root, name)) }),
);

test('every number that a page claims was measured by a full run that is kept', () => {
  const problems = pages.flatMap((name) => {
    const text = readFileSync(join(root, name), 'utf8');
    return [...claimProblems(text, results), ...unmarkedIn(text)].map((problem) => `${name}, ${problem}`);
  });
  expect(problems).toEqual([]);
});

test('the page that is kept is the one of the newest full run, and names its file', () => {
  const { name, document } = newestFirst(results)[0]!;
  const page = readFileSync(join(root, 'bench/report.html'), 'utf8');
  expect(page).toContain(document.startedAt);
  expect(page).toContain(`results/${name}`);
});

test('results that are kept are of a size that a repository can hold', () => {
  for (const name of kept)
    expect(statSync(join(root, name)).size, name).toBeLessThanOrEqual(RESULT_BYTES_MAX);
});
