import { expect, test } from 'vitest';
import { processorUse } from './processor-use.ts';

test.runIf(process.platform === 'linux')(
  'what a process has had of the processors only grows, with its work',
  () => {
    const before = processorUse([process.pid])!;
    let waste = 0;
    for (let i = 0; i < 5e6; i++) waste += Math.sqrt(i);
    const after = processorUse([process.pid])!;
    expect(waste).toBeGreaterThan(0);
    expect(after.usedUs).toBeGreaterThan(before.usedUs);
    expect(after.waitedUs).toBeGreaterThanOrEqual(before.waitedUs);
  },
);

test('a process that is gone has no use to show', () => {
  expect(processorUse([2 ** 30])).toBeUndefined();
});
