import { dirname, join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type SourceFile, sources } from './sources.ts';

const files = new Map(sources(['packages/*/src/**/*.ts']).map((file) => [file.path, file]));

const COMMENT = /\/\*[^]*?\*\/|\/\/.*/g;
const FROM_OURS = /export\s+(?:type\s+)?\{([^}]*)\}\s*from\s*'(\.[^']*)'/g;

/** What an entry passes on from files beside it: each name with the path of the file. */
function exportsOf({ path, text }: SourceFile): { readonly name: string; readonly from: string }[] {
  return [...text.replaceAll(COMMENT, '').matchAll(FROM_OURS)].flatMap(([, names, from]) =>
    names!
      .split(',')
      .map((name) =>
        name
          .trim()
          .replace(/^type /, '')
          .replace(/ as .*/, ''),
      )
      .filter((name) => name !== '')
      .map((name) => ({ name, from: posix.join(posix.dirname(path), from!) })),
  );
}

/** Whether the declaration of a name, or the first of several, has a docstring right above it. */
function isExplained(text: string, name: string): boolean {
  const at = text.search(
    new RegExp(
      `^export (?:abstract )?(?:async )?(?:function\\*? |class |interface |type |const )${name}\\b`,
      'm',
    ),
  );
  return at >= 0 && /\*\/\s*$/.test(text.slice(0, at));
}

describe('what a package exports', () => {
  const entries = [...files.values()].filter(({ path }) => path.endsWith('/index.ts'));

  it.each(entries.map((entry) => [dirname(entry.path), entry] as const))(
    'from %s says what it is, in a docstring above it',
    (_, entry) => {
      const bare = exportsOf(entry)
        .filter(({ from }) => !from.endsWith(join('/', 'index.ts')))
        .filter(({ name, from }) => !isExplained(files.get(from)!.text, name));
      expect(bare).toEqual([]);
    },
  );

  it('is found out when it does not', () => {
    expect(isExplained('/** Adds. */\nexport function add() {}\n', 'add')).toBe(true);
    expect(isExplained('/** Adds. */\nconst one = 1;\nexport function add() {}\n', 'add')).toBe(false);
    expect(isExplained('export interface Sum {}\n', 'Sum')).toBe(false);
    const entry = {
      path: 'packages/x/src/index.ts',
      text: "export { type Sum, add as plus } from './sum.ts';",
    };
    expect(exportsOf(entry)).toEqual([
      { name: 'Sum', from: 'packages/x/src/sum.ts' },
      { name: 'add', from: 'packages/x/src/sum.ts' },
    ]);
  });
});
