import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkWritable, readResults, resultText, resumable, writeWhole } from './result-file.ts';
import { wholeCases } from './run.ts';
import { documentOf } from './testing/bench-of.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-result-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

const brokenOff = () => documentOf({ commit: 'abc', whole: ['R1'], broken: ['R2'] });

test('a document is read as it was written, with a line for each sample', () => {
  const path = join(folder, 'deep/results.json');
  writeWhole(path, resultText(brokenOff()));
  expect(readResults(path)).toEqual(JSON.parse(JSON.stringify(brokenOff())));
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines.filter((line) => line.startsWith('{"figures":{"rate":1}'))).toHaveLength(2);
});

const at = (path: string, document = brokenOff()) => {
  writeWhole(path, resultText(document));
  return path;
};

test('a run is gone on with after its last whole case, and began when it did', () => {
  const path = at(join(folder, 'broken.json'));
  const later = { ...brokenOff(), startedAt: '7' };
  const earlier = resumable(path, later);
  expect(wholeCases(earlier).map(({ id }) => id)).toEqual(['R1']);
  expect(earlier!.startedAt).toBe('1');
  expect(resumable(join(folder, 'nothing.json'), later)).toBeUndefined();
  expect(wholeCases(undefined)).toEqual([]);
});

test('what was measured otherwise is not put beside this, and the difference is named', () => {
  const run = brokenOff();
  const settings = { peers: true, profile: false, soakMinutes: null };
  const path = at(join(folder, 'other.json'), { ...run, settings });
  const problemOf =
    (changes: object, ofMachine: object = {}) =>
    () =>
      resumable(path, { ...run, settings, ...changes, machine: { ...run.machine, ...ofMachine } });
  expect(problemOf({})).not.toThrow();
  expect(problemOf({ quick: false })).toThrow(/sizes quick, now full\. Run without --resume/);
  expect(problemOf({}, { commit: 'abd' })).toThrow(/commit abc, now abd/);
  expect(problemOf({}, { processor: 'B' })).toThrow(/processor A, 2 cores, now B, 2 cores/);
  expect(problemOf({}, { node: 'v25' })).toThrow(/Node .*, now v25/);
  expect(problemOf({}, { versions: { etcd: '3' } })).toThrow(/peers .*, now etcd 3/);
  expect(problemOf({ settings: { ...settings, peers: false } })).toThrow(/settings .*"peers":false/);
  expect(problemOf({ settings: { ...settings, soakMinutes: 30 } })).toThrow(/"soakMinutes":30/);
});

test('a tree that differs from its commit may have changed since, so nothing of it is gone on with', () => {
  for (const commit of ['abc+', 'unknown']) {
    const run = documentOf({ commit, whole: ['R1'] });
    const path = at(join(folder, 'dirty.json'), run);
    expect(() => resumable(path, run)).toThrow(/nobody can tell whether what is not in it is the same/);
  }
});

/** Results, in the one case of which something is not as it must be. */
function wrongly(changes: object): string {
  const run = documentOf({ commit: 'abc', whole: ['R1'] });
  return JSON.stringify({ ...run, cases: [{ ...run.cases[0], ...changes }] });
}

test('what is no results file is named', () => {
  const path = join(folder, 'no.json');
  writeFileSync(path, '{"cases": 3}');
  expect(() => readResults(path)).toThrow(/no\.json holds no results of this bench/);
  for (const text of [
    'null',
    '{"format":1,"cases":[]}',
    '{"format":1,"machine":{},"cases":[{}]}',
    wrongly({ rows: [{}] }),
    wrongly({ rows: [null] }),
    wrongly({ subjects: [{ id: 'ours' }] }),
    wrongly({ figures: [] }),
    wrongly({ explanations: undefined }),
  ]) {
    writeFileSync(path, text);
    expect(() => readResults(path)).toThrow(/no\.json holds no results of this bench/);
  }
  writeFileSync(path, '{');
  expect(() => readResults(path)).toThrow(/no\.json holds no results: /);
  expect(() => readResults(join(folder, 'absent.json'))).toThrow(/there are no results at/);
});

test('a path where nothing can be written is refused at once, also where making folders never ends', () => {
  expect(() => checkWritable('/proc/nope/x.json')).toThrow(/nope/);
  expect(() => checkWritable(folder)).toThrow(/is no file/);
  expect(() => checkWritable(join(folder, 'new', 'x.json'))).not.toThrow();
});
