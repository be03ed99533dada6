import { nodeId, TuttiError } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { findWorker } from './find-worker.ts';
import { functionWorker } from './function-worker.ts';
import type { Worker, WorkInput } from './worker.ts';

const input: WorkInput = {
  session: 's',
  task: 'build',
  orchestrator: 'backend',
  node: nodeId('n1'),
  attempt: 1,
  fence: 1,
  with: { size: 2 },
  needs: {},
  folder: '',
  signal: new AbortController().signal,
};
const call = (name: string, module?: string) =>
  ({ type: 'function', name, ...(module && { module }) }) as const;
const one = functionWorker({ one: () => 1 });
const two = functionWorker({ two: ({ with: { size } }) => size });

test('the first worker that can do the work does it', async () => {
  const worker = findWorker([one, two, functionWorker({ two: () => 'another' })], 'build', call('two'));
  expect(worker).toBe(two);
  expect(await worker.run(call('two'), input)).toBe(2);
});

test('a function that nobody has is refused with the task and the functions there are', () => {
  expect(() => findWorker([one], 'build', call('won'))).toThrow(
    'No worker on this node can do the function work of task "build": there is no function "won" (known: one)',
  );
});

test('a kind of work that no worker does is refused', () => {
  expect(() => findWorker([one], 'build', { type: 'shell', command: 'make' })).toThrow(
    'No worker on this node can do the shell work of task "build": no worker of that kind is installed',
  );
});

test('a problem with a code of its own is passed on as it is', () => {
  const problem = new TuttiError('TUTTI_WORKER_MODULE_FAILED', { file: 'x.ts', problem: 'gone' });
  const worker: Worker = { type: 'function', check: () => problem, run: () => Promise.reject(problem) };
  expect(() => findWorker([worker], 'build', call('one', '/x.ts'))).toThrow(problem);
});

test('names that every object has are not functions of the table', () => {
  expect(() => findWorker([one], 'build', call('constructor'))).toThrow(/no function "constructor"/);
});

test('work that names a module is not looked for in the table', () => {
  expect(() => findWorker([one], 'build', call('one', '/x.ts'))).toThrow(/no function "one"/);
});

test('a function that throws at once rejects like one that fails later', async () => {
  const broken = functionWorker({
    broken: () => {
      throw new Error('at once');
    },
  });
  await expect(broken.run(call('broken'), input)).rejects.toThrow('at once');
});
