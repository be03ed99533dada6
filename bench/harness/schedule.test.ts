import { expect, test } from 'vitest';
import { limitMsOf, runCase, type ScheduleOptions } from './schedule.ts';
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
  await runCase(benchOf({ subjects: [subjectOf('ours', 'ours')], runs: { quick: 1, full: 2 } }), options);
  expect(sizes).toHaveLength(2);
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

test('a run that is broken off keeps what it has, and what it gave up has not failed', async () => {
  const interruption = new AbortController();
  const { order, options } = recording({
    signal: interruption.signal,
    measure: (_case, subject) => {
      order.push(subject);
      if (order.length < 3) return Promise.resolve(rateOf(1));
      interruption.abort();
      return Promise.reject(new Error('it was killed'));
    },
  });
  const { subjects, isBrokenOff } = await runCase(benchOf(), options);
  expect(order).toEqual(['ours', 'limit', 'peer']);
  expect(isBrokenOff).toBe(true);
  expect(subjects.map(({ samples, failures }) => [samples.length, failures.length])).toEqual([
    [1, 0],
    [1, 0],
    [0, 0],
  ]);
});

test('ours is profiled once after its samples, and a profile that fails costs nothing', async () => {
  const profiled: string[] = [];
  const profile: ScheduleOptions['profile'] = (_case, subject) => {
    profiled.push(subject);
    return profiled.length === 1
      ? Promise.resolve({ busyMs: 1, lines: [] })
      : Promise.reject(new Error('no profiler'));
  };
  const { options } = recording({ profile });
  const first = await runCase(benchOf(), options);
  const second = await runCase(benchOf(), options);
  expect(profiled).toEqual(['ours', 'ours']);
  expect(first.subjects[0]!.profile).toEqual({ busyMs: 1, lines: [] });
  expect(second.subjects[0]!.profile).toBeUndefined();
  await runCase(benchOf({ isProfiled: false }), options);
  expect(profiled).toHaveLength(2);
});

test('every sample has a limit, and a long one says how long it is', () => {
  expect(limitMsOf(benchOf(), true)).toBe(60_000);
  expect(limitMsOf(benchOf(), false)).toBe(120_000);
  expect(limitMsOf(benchOf({ expectedS: ({ n }) => n! * 100 }), false)).toBe(660_000);
});
