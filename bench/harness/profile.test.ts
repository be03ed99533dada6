import { expect, test } from 'vitest';
import { busiest, summaryOf } from './profile.ts';

const frame = (functionName: string, url: string, lineNumber: number) => ({ functionName, url, lineNumber });

test('self time is added up by function, idle time left out, and the largest comes first', () => {
  const { busyMs, lines } = summaryOf({
    nodes: [
      { id: 1, callFrame: frame('(root)', '', -1) },
      { id: 2, callFrame: frame('', 'file:///a/b/c.ts', 9) },
      { id: 3, callFrame: frame('work', 'file:///a/b/d.ts', 0) },
      { id: 4, callFrame: frame('work', 'file:///a/b/d.ts', 0) },
      { id: 5, callFrame: frame('(idle)', '', -1) },
    ],
    samples: [2, 3, 4, 5, 1],
    timeDeltas: [1_000, 2_000, 1_000, 50_000, 7],
  });
  expect(busyMs).toBe(4);
  expect(lines).toEqual([
    { name: 'work', place: 'b/d.ts:1', share: 0.75 },
    { name: '(anonymous)', place: 'b/c.ts:10', share: 0.25 },
  ]);
});

test('of several processes the busiest is shown', () => {
  expect(
    busiest([
      { busyMs: 1, lines: [] },
      { busyMs: 3, lines: [] },
    ])!.busyMs,
  ).toBe(3);
  expect(busiest([])).toBeUndefined();
});
