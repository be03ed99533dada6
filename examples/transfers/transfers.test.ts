import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { start } from '../../test/integration/command.ts';

interface Document {
  readonly seeds: number;
  readonly failing: {
    readonly seed: number;
    readonly failure: { readonly problem: string };
    readonly shrunk: { readonly failure: object; readonly schedule: readonly object[] };
    readonly replay: string;
  } | null;
}

const file = (name: string): string => join(import.meta.dirname, name);

async function play(args: readonly string[]): Promise<{ code: number | null; document: Document }> {
  const run = start(['test', ...args, '--json']);
  const code = await run.ended;
  return { code, document: JSON.parse(run.stdout()) as Document };
}

/** The words of a command line whose last is quoted. */
function wordsOf(line: string): string[] {
  const [, plain, quoted] = /^tutti test (.*) --schedule '(.*)'$/.exec(line)!;
  return [...plain!.split(' '), '--schedule', quoted!];
}

describe('transfers between accounts', () => {
  it('make money out of nothing when an answer is lost, which is found, made small, and replayed', async () => {
    const found = await play([file('forgetful.cluster.ts'), '--seeds', '20']);
    expect(found.code).toBe(1);
    const { failing } = found.document;
    expect(failing!.failure.problem).toMatch(/^the accounts hold \d+ together, and held 300$/);
    expect(failing!.shrunk.schedule.length).toBeLessThanOrEqual(2);
    const again = await play(wordsOf(failing!.replay));
    expect(again.code).toBe(1);
    expect(again.document.failing!.failure).toEqual(failing!.shrunk.failure);
  });

  it('keep the sum when the account knows which transfers it has done', async () => {
    const { code, document } = await play([file('careful.cluster.ts'), '--seeds', '15']);
    expect(code).toBe(0);
    expect(document).toMatchObject({ seeds: 15, failing: null });
  });

  it.each([
    [['no-such-file.ts'], 'TUTTI_TEST_INVALID'],
    [[file('bank.ts')], 'TUTTI_TEST_INVALID'],
    [[file('careful.cluster.ts'), '--seeds', '0'], 'TUTTI_OPTION_INVALID'],
    [[file('careful.cluster.ts'), '--nodes', '9'], 'TUTTI_OPTION_INVALID'],
    [[file('careful.cluster.ts'), '--schedule', '[{"kind":"flood"}]'], 'TUTTI_OPTION_INVALID'],
    [[], 'TUTTI_USAGE'],
  ])('are not begun by wrong use: %j', async (args, code) => {
    const run = start(['test', ...args]);
    expect(await run.ended).toBe(2);
    expect(run.stderr()).toContain(code);
  });
});
