import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { criticalPathMs, grahamBoundMs, heftMakespanMs, type TimedTask, upwardRanks } from './graham.ts';

const task = (durationMs: number, ...needs: number[]): TimedTask => ({ durationMs, needs });

test('a diamond: ranks, critical path, and the bound on two workers', () => {
  const diamond = [task(1), task(5, 0), task(3, 0), task(2, 1, 2)];
  expect(upwardRanks(diamond)).toEqual([8, 7, 5, 2]);
  expect(criticalPathMs(diamond)).toBe(8);
  expect(grahamBoundMs(diamond, 2)).toBe(11 / 2 + 8 / 2);
  expect([1, 2, 3].map((workers) => heftMakespanMs(diamond, workers))).toEqual([11, 8, 8]);
});

test('a short task is put into a gap that a longer one left', () => {
  const tasks = [task(4), task(4), task(6, 0, 1), task(1), task(1), task(3, 3, 4)];
  expect(heftMakespanMs(tasks, 2)).toBe(10);
});

test('HEFT’s schedule is never shorter than the critical path, nor longer than what all take one by one', () => {
  const graphs = fc
    .array(fc.tuple(fc.nat(50), fc.array(fc.nat(), { maxLength: 3 })), { minLength: 1, maxLength: 25 })
    .map((raw) =>
      raw.map(([durationMs, picks], i) =>
        task(durationMs, ...new Set(i === 0 ? [] : picks.map((pick) => pick % i))),
      ),
    );
  fc.assert(
    fc.property(graphs, fc.integer({ min: 1, max: 5 }), (tasks, workers) => {
      const makespan = heftMakespanMs(tasks, workers);
      const work = tasks.reduce((sum, { durationMs }) => sum + durationMs, 0);
      expect(makespan).toBeGreaterThanOrEqual(Math.max(criticalPathMs(tasks), work / workers) - 1e-9);
      expect(makespan).toBeLessThanOrEqual(work);
      if (workers === 1) expect(makespan).toBe(work);
    }),
  );
});

test('a circle is not scheduled', () => {
  expect(() => heftMakespanMs([task(1, 1), task(1, 0)], 1)).toThrow(/circle/);
});
