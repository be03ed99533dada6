import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkWritable, readResults, resultText, resumable, writeWhole } from './result-file.ts';
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

test('a run is gone on with after its last whole case', () => {
  const path = join(folder, 'broken.json');
  writeWhole(path, resultText(brokenOff()));
  expect(resumable(path, { quick: true, commit: 'abc' }).map(({ id }) => id)).toEqual(['R1']);
  expect(resumable(join(folder, 'nothing.json'), { quick: true, commit: 'abc' })).toEqual([]);
});

test('figures of another commit or other sizes are not put beside these', () => {
  const path = join(folder, 'other.json');
  writeWhole(path, resultText(brokenOff()));
  expect(() => resumable(path, { quick: false, commit: 'abc' })).toThrow(/a quick run of commit abc/);
  expect(() => resumable(path, { quick: true, commit: 'abd' })).toThrow(/run without --resume/);
});

test('what is no results file is named', () => {
  const path = join(folder, 'no.json');
  writeFileSync(path, '{"cases": 3}');
  expect(() => readResults(path)).toThrow(/no\.json holds no results of this bench/);
  for (const text of ['null', '{"format":1,"cases":[]}', '{"format":1,"machine":{},"cases":[{}]}']) {
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
