import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { codesIn, examplesIn, renderErrorsPage } from '../../scripts/errors-page/render.ts';
import { isTest, ROOT, sources } from './sources.ts';

const path = join(ROOT, 'docs/reference/errors.md');
const page = existsSync(path) ? readFileSync(path, 'utf8') : '';
const RAISED = /['"](TUTTI_[A-Z0-9_]+)['"]/g;

describe('the table of error codes', () => {
  it('and its page have the same codes', () => {
    const headings = codesIn(page);
    const codes = Object.keys(ERRORS);
    expect(
      headings.filter((code) => !codes.includes(code)),
      'on the page and not in the table',
    ).toEqual([]);
    expect(
      codes.filter((code) => !headings.includes(code)),
      'in the table and not on the page',
    ).toEqual([]);
  });

  it('and its page say the same: else `npm run fix` writes it anew', () => {
    expect(renderErrorsPage(ERRORS, page) === page, 'docs/reference/errors.md is up to date').toBe(true);
  });

  it('has an example for each code: a program or a command line under its heading', () => {
    const examples = examplesIn(page);
    const runs = (code: string) => /^```(ts|sh)$/m.test(examples.get(code) ?? '');
    expect(
      Object.keys(ERRORS).filter((code) => !runs(code)),
      'without a block of `ts` or `sh` that raises it, see the top of docs/reference/errors.md',
    ).toEqual([]);
  });

  it('has no code that nothing raises', () => {
    const code = sources(['packages/*/src/**/*.ts']).filter(
      ({ path }) => !isTest(path) && !path.endsWith('error-table.ts'),
    );
    const raised = new Set(code.flatMap(({ text }) => Array.from(text.matchAll(RAISED), ([, code]) => code)));
    expect(Object.keys(ERRORS).filter((code) => !raised.has(code))).toEqual([]);
  });

  it('tells in each row what happened and what to do, in sentences that fill', () => {
    for (const [code, { message, wayOut }] of Object.entries(ERRORS)) {
      expect(code).toMatch(/^TUTTI_[A-Z0-9]+(_[A-Z0-9]+)*$/);
      expect(message.length, code).toBeGreaterThan(8);
      expect(wayOut.length, code).toBeGreaterThan(8);
      // A hole is one word in braces; another letter in it and it would be shown as it stands.
      expect(`${message} ${wayOut}`, code).not.toMatch(/\{(?!\w+\}| )|(?<![\w ])\}/);
    }
  });
});

describe('the page of error codes', () => {
  const table = {
    TUTTI_A: { message: 'A is {what}', wayOut: 'Go out.' },
    TUTTI_B: { message: 'B', wayOut: 'Go back' },
  };

  it('gets a section for each code, and keeps what was written by hand', () => {
    const first = renderErrorsPage(table, '');
    expect(codesIn(first)).toEqual(['TUTTI_A', 'TUTTI_B']);
    expect(first).toContain('A is `{what}`.\n\n**Way out:** Go out.');
    const example = "```ts\nthrow new Error('a'); // ## not a heading\n```";
    const byHand = first.replace('Go out.\n', `Go out.\n\n${example}\n`);
    expect(examplesIn(byHand)).toEqual(new Map([['TUTTI_A', example]]));
    const again = renderErrorsPage(
      { TUTTI_C: table.TUTTI_B, TUTTI_A: { message: 'New', wayOut: 'Other' } },
      byHand,
    );
    expect(codesIn(again)).toEqual(['TUTTI_C', 'TUTTI_A']);
    expect(again).toContain(`New.\n\n**Way out:** Other.\n\n${example}\n`);
  });

  it('does not change when it is written again', () => {
    const once = renderErrorsPage(table, '');
    expect(renderErrorsPage(table, once)).toBe(once);
    expect(renderErrorsPage(ERRORS, renderErrorsPage(ERRORS, page))).toBe(renderErrorsPage(ERRORS, page));
  });
});
