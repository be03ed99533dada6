import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mended, runToMend } from './measured-again.ts';
import { resultText, writeWhole } from './result-file.ts';
import { judgedAnew } from './selection.ts';
import { documentOf } from './testing/bench-of.ts';

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

test('a run of other sizes or of another machine is not mended', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-measured-again-'));
  try {
    const path = join(folder, 'run.json');
    const run = documentOf({ commit: 'abc', whole: ['R1'] });
    writeWhole(path, resultText(run));
    expect(runToMend(path, run).cases).toHaveLength(1);
    expect(() => runToMend(path, { ...run, quick: !run.quick })).toThrow(/a quick run/);
    const other = { ...run, machine: { ...run.machine, processor: 'B' } };
    expect(() => runToMend(path, other)).toThrow(/on A, 2 cores/);
    expect(() => runToMend(join(folder, 'none.json'), run)).toThrow(/there are no results/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
