import { describe, expect, it } from 'vitest';
import { importCycles, importProblems, TABLE } from './imports.ts';
import { packageOf, sources } from './sources.ts';
import { specifiersOf, strip } from './tokens.ts';

const files = sources(['packages/*/src/**/*.ts']);

describe('the packages', () => {
  it('import only what the table allows', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(importProblems)).toEqual([]);
  });

  it.each(Object.keys(TABLE))('%s has no files that import each other in a circle', (name) => {
    const own = files.filter(({ path }) => packageOf(path) === name);
    expect(own.length).toBeGreaterThan(0);
    expect(importCycles(own)).toEqual([]);
  });
});

describe('the import rules', () => {
  it.each([
    ['packages/kernel/src/a.ts', "import { x } from '@tutti/runtime';", 'kernel knows nothing of runtime'],
    ['packages/runtime/src/a.ts', "import type { X } from '@tutti/transport';", 'use the Transport port'],
    [
      'packages/runtime/src/a.test.ts',
      "import { X } from '@tutti/transport/ws';",
      'runtime knows nothing of transport',
    ],
    ['packages/transport/src/a.ts', "export * from '@tutti/runtime';", 'transport knows nothing of runtime'],
    ['packages/actors/src/a.ts', "export { raft } from '@tutti/consensus';", 'use the replicated placement'],
    ['packages/actors/src/a.ts', "import { x } from '@tutti/runtime/src/b.ts';", 'not its insides'],
    ['packages/actors/src/a.ts', "const x = await import('tutti');", 'actors knows nothing of tutti'],
    ['packages/tutti/src/a.ts', "import '../../kernel/src/b.ts';", 'it leaves its package'],
    ['packages/tutti/src/a.ts', "import x from '../../../bench/x.ts';", 'it leaves its package'],
    ['packages/kernel/src/a.ts', "import { y } from './b.test.ts';", 'code does not import tests'],
    ['packages/runtime/src/a.ts', "import { readFile } from 'node:fs';", 'use the Clock, Random'],
    ['packages/consensus/src/raft/a.ts', "import {\n  a,\n  b,\n} from 'node:fs';", 'use the Clock, Random'],
    ['packages/transport/src/a.ts', "import x from 'fastify';", 'transport does without it'],
    ['packages/transport/src/a.ts', "import x from 'wsx';", 'transport does without it'],
    ['packages/actors/src/a.ts', "import { it } from 'vitest';", 'actors does without it'],
    ['packages/extra/src/a.ts', "import 'x';", 'is not in the table'],
  ])('refuse in %s: %s', (path, text, problem) => {
    const found = importProblems({ path, text });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(problem);
  });

  it.each([
    ['packages/transport/src/a.ts', "import { WebSocket } from 'ws';\nimport x from 'node:net';"],
    ['packages/consensus/src/storage/file/a.ts', "import x from 'node:fs';"],
    ['packages/consensus/src/log-store-suite.ts', "import { it } from 'vitest';"],
    ['packages/tutti/src/cli/a.ts', "import { x } from '@tutti/transport/ws';\nimport y from '../b.ts';"],
    ['packages/kernel/src/a.ts', "// import x from 'node:fs';\nconst text = `import y from 'ws'`;"],
  ])('accept in %s: %s', (path, text) => {
    expect(importProblems({ path, text })).toEqual([]);
  });

  it('find a circle, and let types go round', () => {
    const a = { path: 'packages/x/src/a.ts', text: "import { b } from './b.ts';" };
    const b = { path: 'packages/x/src/b.ts', text: "export { c } from './sub/c.ts';" };
    const c = (keyword: string) => ({
      path: 'packages/x/src/sub/c.ts',
      text: `import ${keyword} { a } from '../a.ts';`,
    });
    expect(importCycles([a, b, c('')])).toEqual([
      'packages/x/src/a.ts -> packages/x/src/b.ts -> packages/x/src/sub/c.ts -> packages/x/src/a.ts',
    ]);
    expect(importCycles([a, b, c('type')])).toEqual([]);
  });
});

describe('the tokenizer', () => {
  it('takes out comments, strings and expressions of regular kind, and keeps code in templates', () => {
    const source = [
      "const a = 'Date.now()'; // Date.now()",
      '/* Date.now() */ const b = `Date ${c ? `in ${d({ e: 1 })} ner` : f} now`;',
      'const g = /Date[/]now/.test("x") ? 1 / 2 / 3 : `${h}`;',
      'keep();',
    ].join('\n');
    const { code, strings } = strip(source);
    expect(code).not.toContain('Date');
    expect(code).toContain('d({ e: 1 })');
    expect(code).toContain('1 / 2 / 3');
    expect(code.split('\n').at(-1)).toBe('keep();');
    expect(strings).toContain('Date.now()');
  });

  it('finds every form of import', () => {
    const source = [
      "import a, { type b } from 'one';",
      "import * as c from 'two';",
      "export type { d } from 'three';",
      "export * from 'four';",
      "import 'five';",
      "const e = await import('six');",
      "export const from = 'seven';",
    ].join('\n');
    const found = specifiersOf(source);
    expect(found.map(({ from }) => from)).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
    expect(found.map(({ isType }) => isType)).toEqual([false, false, true, false, false, false]);
  });
});
