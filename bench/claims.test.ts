import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { claimProblems, claimsIn, type ResultFile } from './claims.ts';
import { caseResult, type ResultDocument } from './harness/results.ts';
import type { SubjectResult } from './harness/subject-result.ts';
import { benchOf, rateOf } from './harness/testing/bench-of.ts';

function fileOf(name: string, startedAt: string, rate: number, quick = false): ResultFile {
  const subject = (id: string, kind: SubjectResult['kind'], value: number): SubjectResult => ({
    id,
    kind,
    title: id,
    configuration: '',
    failures: [],
    samples: [rateOf(value)],
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
  const cases = [caseResult(benchOf({ id: 'C1' }), {}, subjects)];
  return { name, document: { format: 1, startedAt, endedAt: '', quick, machine, loadAfter: [], cases } };
}

const RESULTS = [
  fileOf('old.json', '2026-11-01', 90_000),
  fileOf('new.json', '2026-11-20', 31_240),
  fileOf('quick.json', '2026-11-21', 7, true),
];

test('a claim is the last number before its mark', () => {
  const text =
    'first\n64 clients: **31.2 k** commits/s <!-- claim: C1.rate -->, 6.2x etcd <!-- claim: C1.rate/etcd -->';
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

test('every number that the README claims was measured by a run that is kept', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const results = globSync('bench/results/*.json', { cwd: root }).map((name): ResultFile => {
    const document = JSON.parse(readFileSync(`${root}/${name}`, 'utf8')) as ResultDocument;
    return { name, document };
  });
  const problems = globSync('README.md', { cwd: root }).flatMap((name) =>
    claimProblems(readFileSync(`${root}/${name}`, 'utf8'), results),
  );
  expect(problems).toEqual([]);
});
