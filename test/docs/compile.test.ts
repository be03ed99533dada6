import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { run } from './run-snippet.ts';
import { type Snippet, snippetsIn } from './snippets.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
const folder = mkdtempSync(join(here, '.snippet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The name of the file that a block stands for; undefined for what is no TypeScript. */
function fileOf({ info, line }: Snippet): string | undefined {
  const named = /\bfile=(\S+\.ts)$/.exec(info)?.[1];
  return named ?? (info === 'ts' ? `line-${line}.ts` : undefined);
}

/** Writes each block into the folder of its heading, so that it finds the files that stand beside it. */
function writeExamples(page: string): number {
  let count = 0;
  for (const snippet of snippetsIn(join(root, page))) {
    const file = fileOf(snippet);
    if (file === undefined) continue;
    const place = join(folder, page.replaceAll(/\W/g, '-'), snippet.heading.replaceAll(/\W/g, '-'));
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, file), snippet.code);
    count++;
  }
  return count;
}

it('the examples in the documents have no type errors, under the rules of the sources', async () => {
  const pages = globSync(['*.md', 'packages/*/README.md', 'examples/*/README.md', 'docs/**/*.md'], {
    cwd: root,
  });
  const written = pages.map(writeExamples).reduce((sum, count) => sum + count, 0);
  expect(written).toBeGreaterThan(100);
  const config = { extends: '../../../tsconfig.json', include: ['**/*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await run(process.execPath, [tsc, '-p', folder]);
  // The sources themselves are judged elsewhere.
  expect(stdout.split('\n').filter((line) => line.includes('.snippet-'))).toEqual([]);
});
