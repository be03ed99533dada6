import { expect, test } from 'vitest';
import { runMemberHistory } from './member-history.ts';

test('what clients saw is linearizable while nodes are added, promoted and removed by the admin interface, and killed', async () => {
  const report = await runMemberHistory(20_261_123);
  expect(report.problems).toEqual([]);
  expect(report.voters).toEqual(['n3', 'n4', 'n5']);
  expect(report.kills).toBeGreaterThan(0);
  expect(report.acknowledgedWrites).toBeGreaterThan(50);
}, 180_000);
