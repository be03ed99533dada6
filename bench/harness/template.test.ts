import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type { BenchCase } from './case.ts';
import { runCase } from './schedule.ts';

const BENCH = fileURLToPath(new URL('..', import.meta.url));

test('the case that the README gives as an example is measured as it stands', async () => {
  const [, source] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(BENCH, 'README.md'), 'utf8'))!;
  // Below the bench, so that it finds what it imports.
  mkdirSync(join(BENCH, 'out'), { recursive: true });
  const folder = mkdtempSync(join(BENCH, 'out/template-'));
  try {
    const file = join(folder, 'x9-draw.bench.ts');
    writeFileSync(file, source!.replaceAll("'../harness/", "'../../harness/"));
    const { bench } = (await import(pathToFileURL(file).href)) as { bench: BenchCase };
    const { subjects, rows } = await runCase(bench, {
      quick: true,
      peers: true,
      onSample: () => {},
      measure: async (_case, subject, sizes) =>
        (await bench.subjects.find(({ id }) => id === subject)!.load())(sizes),
    });
    expect(subjects.flatMap(({ failures }) => failures)).toEqual([]);
    expect(rows.map(({ subject, samples }) => [subject, samples])).toEqual([
      ['tutti', 3],
      ['built-in', 3],
    ]);
    expect(bench.limits![0]!.explain(() => 1e9)).toBe('A draw takes 1 ns, without a seed 1 ns.');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
