import { expect, test } from 'vitest';
import { smallTask } from '../../testing/small-plans.ts';
import { SUBMISSIONS_KEPT, Submissions, TASKS_WHOLE_MAX, tasksDigest } from './submissions.ts';

const tasksOf = (name: string, count: number, euros = 12) =>
  Array.from({ length: count }, (_, at) => smallTask(`${name} ${at}`, { with: { euros } }));

test('a submission is told from another by any field, also when there are too many tasks to keep them', () => {
  const submissions = new Submissions();
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) submissions.add(name, tasksOf(name, TASKS_WHOLE_MAX / 2));
  expect(Array.from(submissions, ([, known]) => typeof known)).toEqual([
    'string',
    'string',
    'string',
    'object',
    'object',
  ]);
  for (const name of names) {
    expect(submissions.isKnown('s', name, tasksOf(name, TASKS_WHOLE_MAX / 2))).toBe(true);
    expect(() => submissions.isKnown('s', name, tasksOf(name, TASKS_WHOLE_MAX / 2, 120))).toThrow(
      'Other tasks were added',
    );
  }
});

test('the oldest are forgotten, whether their tasks were kept or their digest', () => {
  for (const isRestored of [false, true]) {
    const submissions = new Submissions();
    const total = 2 * SUBMISSIONS_KEPT + 3;
    for (let at = 0; at < total; at++) {
      const tasks = tasksOf(`${at}`, 1);
      submissions.add(`${at}`, isRestored && at < SUBMISSIONS_KEPT / 2 ? tasksDigest(tasks) : tasks);
    }
    expect([...submissions].map(([id]) => id)).toEqual(
      Array.from({ length: SUBMISSIONS_KEPT }, (_, at) => `${at + total - SUBMISSIONS_KEPT}`),
    );
    // None was ever more than can be kept, so that none was digested.
    for (const [, known] of submissions) expect(known).toHaveLength(1);
  }
});

test('tasks that no JSON can say are told apart by their ids, and throw nothing', () => {
  const submissions = new Submissions();
  const odd = (id: string) => [smallTask(id, { with: { cents: 12n } })];
  submissions.add('one', odd('a'));
  expect(submissions.isKnown('s', 'one', odd('a'))).toBe(true);
  expect(() => submissions.isKnown('s', 'one', odd('b'))).toThrow('Other tasks were added');
});
