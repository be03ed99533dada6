import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { benchReport } from '../report/bench-report.ts';
import { againText, mended, runToMend } from './measured-again.ts';
import { resultText, writeWhole } from './result-file.ts';
import { judgedAnew } from './selection.ts';
import { benchOf, documentOf } from './testing/bench-of.ts';

test('only the cases that were measured again and are whole are replaced, and say of which commit they are', () => {
  const run = documentOf({ commit: 'abc', whole: ['R1', 'R2', 'R3'] });
  const later = documentOf({ commit: 'def', whole: ['R2'], broken: ['R3'] });
  const cases = mended(run, later).cases;
  expect(cases.map(({ id, again }) => [id, again?.commit])).toEqual([
    ['R1', undefined],
    ['R2', 'def'],
    ['R3', undefined],
  ]);
  expect(mended(run, later).machine.commit).toBe('abc');
});

test('a case that the run did not have is added in its place', () => {
  const run = documentOf({ commit: 'abc', whole: ['R1', 'R10'] });
  const later = documentOf({ commit: 'def', whole: ['R2'] });
  expect(mended(run, later).cases.map(({ id }) => id)).toEqual(['R1', 'R2', 'R10']);
});

test('which commit a case is of survives that it is judged anew', async () => {
  const run = documentOf({ commit: 'abc', whole: ['R1'] });
  const { cases } = mended(run, documentOf({ commit: 'def', whole: ['R1'] }));
  const [judged] = await judgedAnew(cases);
  expect(judged?.again?.commit).toBe('def');
});

test('what stood in a case before stays beside it, oldest first, and is counted', () => {
  const run = documentOf({ commit: 'abc', whole: ['R1', 'R2'] });
  const once = mended(run, documentOf({ commit: 'def', whole: ['R1'] }));
  const [twice, other] = mended(once, documentOf({ commit: 'fed', whole: ['R1'] })).cases;
  expect(twice!.before!.map(({ commit, rows }) => [commit, rows[0]!.value])).toEqual([
    ['abc', 1.5],
    ['def', 1.5],
  ]);
  expect(againText(twice!)).toBe('the last of 3 measurements');
  expect([other!.before, againText(other!)]).toEqual([undefined, undefined]);
  const page = benchReport({ ...run, cases: [twice!] });
  expect(page).toContain('Before that, on 1, commit abc: ');
});

test('a run of other sizes or of another machine is not mended, and what would lose samples neither', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-measured-again-'));
  try {
    const path = join(folder, 'run.json');
    const run = documentOf({ commit: 'abc', whole: ['R1'] });
    writeWhole(path, resultText(run));
    const mend = (current: typeof run, why?: string) =>
      runToMend(path, current, [benchOf({ id: 'R1' })], { peers: true, missing: () => why });
    const later = { ...run, machine: { ...run.machine, commit: 'def' } };
    expect(mend(later).cases).toHaveLength(1);
    expect(() => mend({ ...run, quick: !run.quick })).toThrow(/sizes quick, now full/);
    const other = { ...run, machine: { ...run.machine, processor: 'B' } };
    expect(() => mend(other)).toThrow(/processor A, 2 cores, now B/);
    expect(() => mend(run, 'it is not here')).toThrow(/R1 ours would be lost: it is not here\. Measure/);
    const none = join(folder, 'none.json');
    expect(() => runToMend(none, run, [], { peers: true })).toThrow(/there are no results/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
