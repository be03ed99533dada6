import { TuttiError, VirtualClock } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { expect, test } from 'vitest';
import type { PlanTask } from '../../engines/workflow/plan.ts';
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
  const outbox = new SubmissionOutbox(board, clock, (added) => {
    behind.push(added.flatMap(({ tasks }) => tasks.map(({ id }) => id)));
  });
  const add = (id: string, fields: Partial<PlanTask> = {}) =>
    outbox.add('s', { id, tasks: [smallTask(id, fields)] });
  const pass = async () => {
    clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1);
  };
  return { clock, outbox, entries, behind, add, pass };
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

test('a submission that cannot be proposed is refused alone, and the others keep their order', async () => {
  const { entries, add, pass } = busyLog();
  const all = ['a', 'b', 'c'].map((id) => add(id));
  await pass();
  entries[0]!.fail(new TuttiError('TUTTI_VALUE_NOT_PLAIN', { problem: 'value.tags is a Set' }));
  await pass();
  expect(entries.slice(1).map(({ ids }) => ids)).toEqual([['a'], ['b'], ['c']]);
  entries[1]!.answer();
  entries[2]!.fail(new TuttiError('TUTTI_VALUE_NOT_PLAIN', { problem: 'value.tags is a Set' }));
  entries[3]!.answer();
  const outcomes = await Promise.allSettled(all);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test.each([
  new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what: 'A proposal', when: 'in time' }),
  new TuttiError('TUTTI_CLOSED', { what: 'This replica' }),
  new TuttiError('TUTTI_NO_LEADER', { known: 'none' }),
  new TuttiError('TUTTI_SESSION_UNKNOWN', { session: 's' }),
])('what all would be told alone as well is told to all at once: $code', async (refusal) => {
  const { entries, add, pass } = busyLog();
  const all = ['a', 'b'].map((id) => add(id));
  await pass();
  entries[0]!.fail(refusal);
  for (const { reason } of (await Promise.allSettled(all)) as PromiseRejectedResult[])
    expect(reason).toBe(refusal);
  expect(entries).toHaveLength(1);
});

test('entries are bounded by what they carry, too, and what makes no sense travels alone', async () => {
  const { outbox, entries, add, pass } = busyLog();
  const large = { with: { text: 'x'.repeat(60_000) } };
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  void add('a', large);
  void add('b', large);
  void add('c', large);
  void add('d', { with: circle });
  void outbox.add('s', { id: 'e', tasks: new Set([smallTask('e')]) as never });
  void add('f');
  await pass();
  expect(entries.map(({ ids }) => ids)).toEqual([['a', 'b'], ['c'], ['d'], ['e'], ['f']]);
});

test('what a session has gathered can be proposed at once, and that of others waits on', async () => {
  const { outbox, entries, add, pass } = busyLog();
  void add('a');
  await pass();
  void add('b');
  void outbox.add('other', { id: 'c', tasks: [smallTask('c')] });
  expect(outbox.flush('s').map(({ id }) => id)).toEqual(['b']);
  expect(outbox.flush('s')).toEqual([]);
  expect(entries.map(({ ids }) => ids)).toEqual([['a'], ['b']]);
  entries[0]!.answer();
  entries[1]!.answer();
  await pass();
  expect(entries.map(({ ids }) => ids)).toEqual([['a'], ['b'], ['c']]);
});

test('an entry that is not answered keeps the next back for 100 ms, and its late answer lets nothing more go', async () => {
  const { clock, entries, add, pass } = busyLog();
  const all = [add('a')];
  await pass();
  all.push(add('b'));
  clock.advance(90);
  await pass();
  expect(entries).toHaveLength(1);
  clock.advance(10);
  await pass();
  expect(entries.map(({ ids }) => ids)).toEqual([['a'], ['b']]);
  all.push(add('c'));
  entries[0]!.answer();
  await pass();
  expect(entries).toHaveLength(2);
  entries[1]!.answer();
  await pass();
  entries[2]!.answer();
  await Promise.all(all);
});

test('what waits for an answer is bounded, also when every round goes before the last was answered', async () => {
  const { clock, entries, add, pass } = busyLog();
  for (let round = 0; round < 4; round++) {
    const adds = Array.from({ length: 5_000 }, (_, i) => add(`${round}-${i}`));
    for (const one of adds) one.catch(() => {});
    clock.advance(100);
    await pass();
  }
  await expect(add('more')).rejects.toMatchObject({ code: 'TUTTI_OVERLOADED' });
  entries[0]!.answer();
  await pass();
  void add('again');
  await pass();
});

test('all that a round brings is told of once', async () => {
  const { outbox, behind, add, pass } = busyLog();
  void add('a', { with: { text: 'x'.repeat(130_000) } });
  void add('b', { with: { text: 'x'.repeat(130_000) } });
  void outbox.add('other', { id: 'c', tasks: [smallTask('c')] });
  await pass();
  expect(behind).toEqual([['a', 'b', 'c']]);
});
