import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ERRORS, type ErrorCode } from '@tutti/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provocation, Provoked } from './provoke.ts';
import { run } from './run-snippet.ts';
import { type Snippet, snippetsIn } from './snippets.ts';

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, '..', '..', 'docs', 'reference', 'errors.md');
const codes = Object.keys(ERRORS) as ErrorCode[];
const examples = Map.groupBy(snippetsIn(page), ({ heading }) => heading);
/** How long all of the examples may take together, before something is taken to hang. */
const HANGING_MS = 180_000;
/** Processes at once; each takes its share of the examples. */
const PROCESSES = 2;

/** Writes the files of a section, and tells what to run: its one program, or its one command line. */
function prepare(root: string, code: ErrorCode): Provocation {
  const folder = join(root, code);
  mkdirSync(folder);
  let what: Pick<Provocation, 'program' | 'command'> | undefined;
  for (const snippet of examples.get(code) ?? []) {
    const file = /\bfile=(\S+)/.exec(snippet.info)?.[1];
    if (file === undefined) expect(what, `${code} has one program or command`).toBeUndefined();
    if (file !== undefined) writeFileSync(join(folder, file), snippet.code);
    else what = toRun(folder, snippet);
  }
  expect(what, `${code} has an example`).toBeDefined();
  return { code, folder, ...what };
}

function toRun(folder: string, { info, code }: Snippet): Pick<Provocation, 'program' | 'command'> {
  if (info === 'ts') {
    writeFileSync(join(folder, 'example.ts'), code);
    return { program: 'example.ts' };
  }
  expect(info).toBe('sh');
  const [verb, ...args] = code.trim().split(/\s+/);
  expect(verb).toBe('tutti');
  return { command: args };
}

async function provokeAll(provocations: readonly Provocation[]): Promise<Provoked[]> {
  const file = join(here, 'provoke.ts');
  const args = ['--disable-warning=ExperimentalWarning', file, JSON.stringify(provocations)];
  const { stdout, stderr } = await run(process.execPath, args, undefined, { NO_COLOR: '1' });
  expect(stdout, stderr).toMatch(/^\[/);
  return JSON.parse(stdout) as Provoked[];
}

/** What stands in the holes of a message, by their names; undefined if it is no message of this template. */
function detailsIn(message: string, template: string): [string, string][] | undefined {
  const parts = template.split(/\{\w+\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const found = new RegExp(`${parts.join('(.*?)')}$`, 's').exec(message)?.slice(1);
  const names = Array.from(template.matchAll(/\{(\w+)\}/g), ([, name]) => name!);
  return found && names.map((name, at) => [name, found[at]!]);
}

describe('the example of', () => {
  const root = mkdtempSync(join(here, '.snippet-'));
  const results = new Map<string, Provoked>();

  beforeAll(async () => {
    const all = codes.map((code) => prepare(root, code));
    const shares = Array.from({ length: PROCESSES }, (_, at) => all.filter((_, i) => i % PROCESSES === at));
    const done = await Promise.all(shares.map(provokeAll));
    for (const result of done.flat()) results.set(result.code, result);
  }, HANGING_MS);

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it.each(codes)('%s raises it, and says what, where and what to do', (code) => {
    const { shown } = results.get(code)!;
    expect(shown).toEqual([expect.objectContaining({ code })]);
    const [{ message, wayOut }] = shown as [(typeof shown)[number]];
    const details = detailsIn(message, ERRORS[code].message);
    expect(details, message).toBeDefined();
    for (const [name, detail] of details!) {
      // A detail that was not given stands as a question mark. Only a hint may be empty: most names resemble nothing.
      if (name !== 'hint') expect(detail, `${name} in: ${message}`).toMatch(/\S/);
      expect(detail, `${name} in: ${message}`).not.toMatch(/^(\?|undefined)$|\[object/);
    }
    if (wayOut !== undefined) expect(wayOut).not.toMatch(/"\?"|undefined/);
  });
});
