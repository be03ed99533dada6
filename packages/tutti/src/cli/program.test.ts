import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from './program.ts';

/** Runs a command line in this process, and gives its exit code and what it said. */
async function tutti(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out += String(text)) !== '');
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => (err += String(text)) !== '');
  const code = await runCommandLine(args);
  vi.restoreAllMocks();
  return { code, out, err };
}
afterEach(() => vi.restoreAllMocks());

describe('the command line', () => {
  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    for (const option of ['--version', '-V'])
      expect(await tutti(option)).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  it.each([
    ['--nodes', ['up', '--nodes', 'abc'], 'abc', 'a whole number from 1 to 7'],
    ['--nodes', ['run', 'plan.yaml', '--nodes', '2.5'], '2.5', 'a whole number from 1 to 7'],
    ['--nodes', ['up', '--nodes', ' '], ' ', 'a whole number from 1 to 7'],
    ['--mode', ['submit', 'plan.yaml', '--mode', 'fast'], 'fast', 'eager or wave'],
    ['--dir', ['ps', '--dir', ''], '', 'text that is not empty'],
    ['--every', ['top', '--every', 'often'], 'often', 'milliseconds, or text such as'],
    ['--every', ['top', '--every', '0'], '0', 'above 0'],
    ['--for', ['trace', 'a', '--for', '60d'], '60d', 'at most 24d'],
    ['--record', ['msgs', '--record', 'all'], 'all', 'a whole number from 0 to 10000'],
    ['--limit', ['msgs', '--limit', '-1'], '-1', 'a whole number from 1 to'],
    ['--since', ['msgs', '--since', 'noon'], 'noon', 'milliseconds, or text such as'],
    ['--seed', ['run', 'plan.yaml', '--seed', ''], '', 'a whole number from 0 to'],
    ['--seeds', ['test', 'a.ts', '--seeds', '0'], '0', 'a whole number from 1 to'],
  ])('refuses what %s cannot be by its name, with what it takes', async (option, args, value, expected) => {
    const { code, out, err } = await tutti(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`TUTTI_OPTION_INVALID  ${option} does not take "${value}"`);
    expect(err).toMatch(/way out: Give /);
    expect(err).toContain(expected);
  });

  it('tells what is wrong in a file or variable in words too, and not in those of its schema', async () => {
    vi.stubEnv('TUTTI_RUN_MODE', 'fast');
    const { err } = await tutti('config');
    vi.unstubAllEnvs();
    expect(err).toContain(
      'TUTTI_CONFIG_INVALID  variable TUTTI_RUN_MODE sets "run.mode" to fast: it must be eager or wave',
    );
  });

  it.each(['status', 'transfer', 'snapshot', 'add', 'promote', 'remove', 'backup', 'restore', 'recover'])(
    'knows where the verb %s is when `cluster` was left out',
    async (verb) => {
      const { code, err } = await tutti(verb, 'x');
      expect(code).toBe(2);
      expect(err).toContain(`unknown command '${verb}' (Did you mean cluster ${verb}?)`);
    },
  );

  it('says of a test that is not there just that', async () => {
    const { code, err } = await tutti('test', 'nowhere.cluster.ts');
    expect(code).toBe(2);
    expect(err).toContain('nowhere.cluster.ts is no test that can be played: there is no such file\n');
  });

  it('suggests the verb that is nearest, and none where none is near', async () => {
    expect((await tutti('sumbit')).err).toContain('Did you mean submit?');
    expect((await tutti('xyzzy')).err).not.toContain('Did you mean');
  });
});
