import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { entryProblems, houseProblems, LINES_MAX } from './house.ts';
import { TABLE } from './imports.ts';
import { ROOT, sources } from './sources.ts';

const files = sources(['{packages,bench,test,examples,scripts}/**/*.{ts,mjs}']).filter(
  // The planted bad input below is the one thing that may break the rules.
  ({ path }) => path !== 'test/architecture/house.test.ts',
);
const pages = sources(['*.md', 'docs/**/*.md', 'packages/*/README.md', '{examples,bench}/**/*.md']);

describe('the house', () => {
  it('keeps its rules in every file', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap(houseProblems)).toEqual([]);
  });

  it('names no place of one machine in its pages', () => {
    const problems = pages.flatMap(houseProblems).filter((problem) => problem.includes('one machine'));
    expect(problems).toEqual([]);
  });

  it.each(Object.keys(TABLE))('gives %s a README and a curated entry', (name) => {
    expect(existsSync(join(ROOT, 'packages', name, 'README.md')), 'README.md').toBe(true);
    expect(sources([`packages/${name}/src/index.ts`]).flatMap(entryProblems)).toEqual([]);
  });
});

/** Put together here, so that this file names no place either. */
const slashed = (...parts: readonly string[]) => parts.join('/');

describe('the house rules', () => {
  const problems = (text: string, path = 'packages/x/src/a.ts') => houseProblems({ path, text });

  it.each([
    ['packages/x/src/utils.ts', 'a();', 'after the concept'],
    ['packages/x/src/actor/types.ts', 'a();', 'after the concept'],
    ['test/helpers/a.ts', 'a();', 'after the concept'],
    ['packages/x/src/a.ts', 'a();\n'.repeat(LINES_MAX + 1), 'more than one concept'],
    ['packages/x/src/a.ts', 'const a = b as any;', 'as any'],
    ['packages/x/src/a.ts', 'const a = b as unknown as C;', 'as unknown as'],
    ['packages/x/src/a.test.ts', "it.only('x', f);", 'it.only'],
    ['packages/x/src/a.test.ts', "describe.skip('x', f);", 'describe.skip'],
    ['packages/x/src/a.ts', '// @ts-expect-error\na();', 'silences'],
    ['packages/x/src/a.ts', '/* TODO later */', 'TODO'],
    ['packages/x/src/a.ts', 'export default 1;', 'exports have names'],
    ['packages/x/src/a.ts', `const home = '${slashed('', 'home', 'x')}';`, 'on one machine'],
    [
      'packages/x/src/a.ts',
      `const url = '${slashed('https:', '', ['registry', 'example', 'org'].join('.'))}';`,
      'on one machine',
    ],
  ])('find in %s what is wrong with %j', (path, text, problem) => {
    expect(problems(text, path)).toEqual([expect.stringContaining(problem)]);
  });

  it.each([
    'const skip = list.skip(1); plan.only; // any as you like',
    "const text = 'as any TODO @ts-ignore';",
    `const route = '${slashed('', 'homes', 'x')}'; const at = \`\${base}${slashed('', 'home', 'x')}\`;`,
  ])('accept %j', (text) => {
    expect(problems(text)).toEqual([]);
    expect(problems('a();\n'.repeat(LINES_MAX))).toEqual([]);
  });

  it('find an entry that is not curated', () => {
    const entry = (text: string) => entryProblems({ path: 'packages/x/src/index.ts', text });
    expect(entry("export * from './a.ts';\nexport const b = 1;")).toHaveLength(3);
    expect(entry("/** Sentence. @module */\nexport { a } from './a.ts';")).toEqual([]);
  });
});
