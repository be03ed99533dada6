import { globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readResults } from '../harness/result-file.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const full = globSync('bench/results/*.json', { cwd: root })
  .map((name) => readResults(join(root, name)))
  .filter(({ quick }) => !quick)
  .toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));

test('beside each floor that the newest full run does not meet stand its arithmetic and a profile', () => {
  const missing = full.at(-1)!.cases.flatMap(({ id, rows, explanations, subjects }) => {
    const unmet = rows.filter(({ verdicts }) =>
      verdicts.some(({ level, met }) => level === 'floor' && met === false),
    );
    return unmet.flatMap(({ figure, subject }) => [
      ...(explanations.some((one) => one.figure === figure) ? [] : [`${id}.${figure}: no arithmetic`]),
      ...(subjects.find((one) => one.id === subject)?.profile ? [] : [`${id}.${figure}: no profile`]),
    ]);
  });
  expect(missing).toEqual([]);
});
