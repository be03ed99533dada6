import type { TaskRecord } from '@tutti/actors';
import { expect, test } from 'vitest';
import { Histogram } from '../../harness/histogram.ts';
import { countTasks, mustBeWhole, mustHaveTaken, offeredOf } from './drive.ts';
import { curveOf } from './volatile.ts';

type Counted = Pick<TaskRecord, 'state' | 'completions'>;
const recordOf = (tasks: readonly Counted[]) => ({ tasks: new Map(tasks.map((task, i) => [`t${i}`, task])) });
const DONE: Counted = { state: 'done', completions: 1 };

test('a task of which the record knows nothing is lost, and so is one without an end', () => {
  expect(countTasks(recordOf([DONE, DONE]), 2)).toEqual({ done: 2, lost: 0, twice: 0 });
  expect(countTasks(recordOf([DONE, DONE]), 3)).toEqual({ done: 2, lost: 1, twice: 0 });
  const stuck = recordOf([DONE, { state: 'running', completions: 0 }, { state: 'done', completions: 2 }]);
  expect(countTasks(stuck, 3)).toEqual({ done: 2, lost: 1, twice: 1 });
  expect(() => mustBeWhole(countTasks(stuck, 3))).toThrow('1 tasks lost, 1 committed twice');
  expect(() => mustBeWhole(countTasks(recordOf([DONE, DONE]), 1))).toThrow('-1 tasks lost');
});

test('tasks that were over before their time had passed were not done', () => {
  const after = (wallMs: number) => () => mustHaveTaken({ wallMs, done: 10 }, 5_000, 5);
  expect(after(1_003)).not.toThrow();
  expect(after(998)).not.toThrow();
  expect(after(500)).toThrow('10 tasks were over after 500 ms, which take at least 996 ms');
});

test('a latency is taken at the load that is asked for, or is another figure', () => {
  expect(offeredOf(10_000, 10_000)).toEqual({ offered: 10_000, histogram: 'task' });
  expect(offeredOf(10_000, 9_999)).toEqual({ offered: 4_999.5, histogram: 'task-half' });
});

/** A curve through latencies that are given for each fraction of 1,000 a second. */
async function kneeOf(p95s: readonly number[]): Promise<Record<string, number>> {
  const left = p95s.flatMap((ms) => [ms, ms]);
  const { figures } = await curveOf(2_000, 1_000, 10, async (achievedPerS) => {
    const latencies = new Histogram();
    latencies.record(left.shift()!);
    return { latencies: latencies.pack(), achievedPerS, done: 1 };
  });
  return figures;
}

test('the knee is the last load before the first one that is too slow', async () => {
  expect((await kneeOf([5, 6, 7, 8, 9]))['knee']).toBe(900);
  expect((await kneeOf([5, 6, 7, 200, 300]))['knee']).toBe(500);
  expect((await kneeOf([5, 400, 7, 8, 9]))['knee']).toBe(100);
});

test('without any load that is fast enough the knee is 0, which no floor takes for met', async () => {
  expect(await kneeOf([400, 5, 5, 5, 5])).toEqual({ rate: 2_000, knee: 0 });
});
