import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkInput } from '@tutti/actors';
import { nodeId } from '@tutti/kernel';
import { afterAll, expect, test } from 'vitest';
import { moduleWorker } from './module-worker.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-module-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const worker = moduleWorker();
const input: WorkInput = {
  session: 's1',
  task: 'build',
  orchestrator: 'devops',
  node: nodeId('n1'),
  attempt: 1,
  fence: 1,
  with: { size: 3 },
  needs: {},
  folder,
  signal: new AbortController().signal,
};

function moduleOf(name: string, source: string): string {
  const file = join(folder, name);
  writeFileSync(file, source);
  return file;
}

test('an exported function is called with the input of the attempt', async () => {
  const module = moduleOf('good.mjs', 'export const double = async ({ with: w }) => ({ size: w.size * 2 });');
  const work = { type: 'function', name: 'double', module } as const;
  expect(worker.check(work)).toBeUndefined();
  expect(await worker.prepare(work)).toBeUndefined();
  expect(await worker.run(work, input)).toEqual({ size: 6 });
});

test('a module that throws while it loads is named in the error', async () => {
  const module = moduleOf('bad.mjs', 'throw new Error("no database");');
  const problem = { code: 'TUTTI_WORKER_MODULE_FAILED', details: { file: module, problem: 'no database' } };
  const work = { type: 'function', name: 'any', module } as const;
  expect(await worker.prepare(work)).toMatchObject(problem);
  await expect(worker.run(work, input)).rejects.toMatchObject(problem);
});

test('a module that is not there is named in the error', async () => {
  const module = join(folder, 'nowhere.mjs');
  const work = { type: 'function', name: 'any', module } as const;
  expect(await worker.prepare(work)).toMatchObject({
    code: 'TUTTI_WORKER_MODULE_FAILED',
    details: { file: module },
  });
});

test('a function that the module does not export is refused with those that it does', async () => {
  const module = moduleOf('some.mjs', 'export const build = () => 1; export const level = 3;');
  const problem = await worker.prepare({ type: 'function', name: 'biuld', module });
  expect(problem).toMatchObject({ code: 'TUTTI_WORKER_UNKNOWN' });
  expect(problem?.message).toContain('it exports: build)');
});

test('names that every object has are not functions of a module', async () => {
  const module = moduleOf('plain.mjs', 'export const build = () => 1;');
  const problem = await worker.prepare({ type: 'function', name: 'toString', module });
  expect(problem).toMatchObject({ code: 'TUTTI_WORKER_UNKNOWN' });
});

test('a relative path is refused, since nodes run in different folders', () => {
  const work = { type: 'function', name: 'build', module: './some.mjs' } as const;
  expect(worker.check(work)).toMatchObject({ code: 'TUTTI_WORKER_MODULE_FAILED' });
});

test('work without a module is left to other workers', () => {
  expect(worker.check({ type: 'function', name: 'build' })).toMatchObject({ code: 'TUTTI_WORKER_UNKNOWN' });
});
