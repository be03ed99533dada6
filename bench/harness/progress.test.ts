import { expect, test } from 'vitest';
import { Progress } from './progress.ts';

test('what is left is foretold from each subject’s own time', () => {
  const lines: string[] = [];
  const progress = new Progress(
    new Map([
      ['R1 slow', 3],
      ['R1 fast', 3],
    ]),
    (line) => lines.push(line),
  );
  const sample = { caseId: 'R1', runs: 3, problem: undefined };
  progress.sample({ ...sample, subjectId: 'slow', run: 1, elapsedMs: 10_000 });
  progress.sample({ ...sample, subjectId: 'fast', run: 1, elapsedMs: 1_000 });
  expect(progress.remainingMs()).toBe(22_000);
  expect(lines).toEqual([
    '[1/6] R1 slow 1/3: 10.0 s, about 50 s left',
    '[2/6] R1 fast 1/3: 1.0 s, about 22 s left',
  ]);
});
