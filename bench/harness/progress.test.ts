import { expect, test } from 'vitest';
import { Progress } from './progress.ts';

test('what is left is foretold from each subject’s own time', () => {
  const lines: string[] = [];
  const progress = new Progress(
    new Map([
      ['R1 slow', { samples: 3, expectedMs: undefined }],
      ['R1 fast', { samples: 3, expectedMs: undefined }],
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

test('a case that says how long it takes is taken at its word until it has been seen', () => {
  const progress = new Progress(
    new Map([
      ['R1 ours', { samples: 2, expectedMs: undefined }],
      ['F6 ours', { samples: 1, expectedMs: 600_000 }],
    ]),
    () => {},
  );
  progress.sample({ caseId: 'R1', subjectId: 'ours', run: 1, runs: 2, elapsedMs: 1_000, problem: undefined });
  expect(progress.remainingMs()).toBe(601_000);
});
