import { expect, test } from 'vitest';
import { runCase, type ScheduleOptions } from './schedule.ts';
import { benchOf, rateOf, subjectOf } from './testing/bench-of.ts';

function recording(changes: Partial<ScheduleOptions> = {}) {
  const order: string[] = [];
  const options: ScheduleOptions = {
    quick: true,
    peers: true,
    missing: () => undefined,
    onSample: () => {},
    measure: (_case, subject) => {
      order.push(subject);
      return Promise.resolve(rateOf(order.length));
    },
    ...changes,
  };
  return { order, options };
}

test('subjects take turns, and every second round runs backwards', async () => {
  const { order, options } = recording();
  await runCase(benchOf(), options);
  expect(order).toEqual(['ours', 'limit', 'peer', 'peer', 'limit', 'ours', 'ours', 'limit', 'peer']);
});

test('a full run takes five samples with the full sizes, unless the case asks for fewer', async () => {
  const sizes: unknown[] = [];
  const measure: ScheduleOptions['measure'] = (_case, _subject, size) => {
    sizes.push(size);
    return Promise.resolve(rateOf(1));
  };
  const { options } = recording({ quick: false, measure });
  await runCase(benchOf({ subjects: [subjectOf('ours', 'ours')] }), options);
  expect(sizes).toEqual(Array.from({ length: 5 }, () => ({ n: 2 })));
  sizes.length = 0;
  await runCase(benchOf({ subjects: [subjectOf('ours', 'ours')], runs: 1 }), options);
  expect(sizes).toHaveLength(1);
});

test('what is missing is skipped by name with the reason, and peers only on demand', async () => {
  const { order, options } = recording({
    peers: false,
    missing: (requirement) => requirement && 'no such program',
  });
  const limit = { ...subjectOf('limit', 'limit'), requires: { program: 'nowhere' } };
  const bench = benchOf({ subjects: [subjectOf('ours', 'ours'), limit, subjectOf('peer', 'peer')] });
  const { subjects } = await runCase(bench, options);
  expect(order).toEqual(['ours', 'ours', 'ours']);
  expect(subjects.map(({ id, skipped }) => [id, skipped])).toEqual([
    ['ours', undefined],
    ['limit', 'no such program'],
    ['peer', 'peers were not asked for'],
  ]);
});

test('a sample that fails is told and kept, and the others go on', async () => {
  const { options } = recording({
    measure: (_case, subject) =>
      subject === 'peer' ? Promise.reject(new Error('it fell over')) : Promise.resolve(rateOf(5)),
  });
  const { subjects, rows } = await runCase(benchOf(), options);
  expect(subjects.find(({ id }) => id === 'peer')!.failures).toEqual(Array(3).fill('it fell over'));
  expect(rows.map(({ subject }) => subject)).toEqual(['ours', 'limit']);
});
