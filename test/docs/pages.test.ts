import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runTypeScript, runTypeScriptAgain } from './run-snippet.ts';
import { type Snippet, snippetsIn, snippetsOf } from './snippets.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const pages = globSync(
  ['README.md', 'ARCHITECTURE.md', 'packages/*/README.md', 'examples/*/README.md', 'docs/**/*.md'],
  {
    cwd: root,
  },
).filter((page) => page !== 'docs/reference/errors.md');

/** A `text` block right after a `ts` block is what the code prints. */
interface Example {
  readonly code: Snippet;
  readonly prints: string | undefined;
}

function examplesOf(page: string): Example[] {
  const all = snippetsIn(join(root, page));
  return all.flatMap((snippet, index) => {
    if (snippet.info !== 'ts') return [];
    const next = all[index + 1];
    return [{ code: snippet, prints: next?.info === 'text prints' ? next.code : undefined }];
  });
}

describe('the examples in the documents', () => {
  const examples = pages.flatMap((page) =>
    examplesOf(page).map((example) => [`${page}:${example.code.line}`, example] as const),
  );

  it('are found', () => {
    expect(examples.filter(([where]) => where.startsWith('README.md')).length).toBeGreaterThanOrEqual(2);
  });

  it.each(examples)('%s runs and prints what the page says', async (_where, { code, prints }) => {
    const ending = await runTypeScript(code.code);
    expect(ending, ending.stderr).toMatchObject({ code: 0 });
    if (prints !== undefined) expect(ending.stdout).toBe(prints);
  });

  it('go on from what they stored when they are run again', async () => {
    const [first] = examplesOf('packages/consensus/README.md');
    const endings = await runTypeScriptAgain(first!.code.code, 3);
    const printed = endings.map(({ stdout, stderr }) => stdout + stderr);
    expect(printed).toEqual([10, 20, 30].map((total) => `every node agrees on ${total}\n`));
  });
});

describe('a page', () => {
  it('gives its blocks with their headings and lines', () => {
    const text = '# One\n\n```ts\nlet a = 1;\n```\n## Two\n```sh\nls\n```\n';
    expect(snippetsOf('x.md', text)).toEqual([
      { file: 'x.md', line: 3, info: 'ts', code: 'let a = 1;\n', heading: 'One' },
      { file: 'x.md', line: 7, info: 'sh', code: 'ls\n', heading: 'Two' },
    ]);
  });
});
