import { TuttiError, VirtualClock } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { expect, test } from 'vitest';
import { smallTask } from '../../testing/small-plans.ts';
import type { AddTasks, SubmissionAdded } from './commands.ts';
import { SubmissionOutbox } from './submission-outbox.ts';

/** An outbox over a log that answers when it is told to. */
function busyLog() {
  const clock = new VirtualClock();
  const entries: { ids: string[]; answer: () => void; fail: (error: Error) => void }[] = [];
  const behind: string[][] = [];
  const propose = (command: unknown) => {
    const { submissions } = command as AddTasks;
    const answers = submissions.map(({ id }): SubmissionAdded => ({ submission: id, created: true }));
    return new Promise((resolve, fail) => {
      entries.push({ ids: submissions.map(({ id }) => id), answer: () => resolve(answers), fail });
    });
  };
  const board = { propose: propose as ReplicatedHandle['propose'] };
  const outbox = new SubmissionOutbox(board, clock, (_, tasks) => behind.push(tasks.map(({ id }) => id)));
  const add = (id: string) => outbox.add('s', { id, tasks: [smallTask(id)] });
  const pass = async () => {
    clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1);
  };
  return { entries, behind, add, pass };
}

test('what comes while the log is busy goes together when it has answered, and nothing waits for more', async () => {
  const { entries, behind, add, pass } = busyLog();
  const all = [add('a'), add('b')];
  await pass();
  for (const id of ['c', 'd', 'e']) {
    all.push(add(id));
    await pass();
  }
  expect(entries.map(({ ids }) => ids)).toEqual([['a', 'b']]);
  entries[0]!.answer();
  await pass();
  expect(entries.map(({ ids }) => ids)).toEqual([
    ['a', 'b'],
    ['c', 'd', 'e'],
  ]);
  expect(behind).toEqual(entries.map(({ ids }) => ids));
  entries[1]!.answer();
  await Promise.all(all);
  const last = add('f');
  await pass();
  entries[2]!.answer();
  await last;
});

test('what the log refuses holds nobody up', async () => {
  const { entries, add, pass } = busyLog();
  const refused = add('a');
  await pass();
  const next = add('b');
  entries[0]!.fail(new TuttiError('TUTTI_NO_LEADER', { known: 'none' }));
  await expect(refused).rejects.toMatchObject({ code: 'TUTTI_NO_LEADER' });
  await pass();
  entries[1]!.answer();
  await next;
});
