import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorCode, isTuttiError, type TuttiError } from '@tutti/kernel';
import { afterAll, describe, expect, it } from 'vitest';
import { loadPlan } from './load-plan.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-plan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function planFile(text: string, name = 'plan.yaml'): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

async function problemOf(text: string, name?: string): Promise<TuttiError> {
  try {
    await loadPlan(planFile(text, name));
  } catch (thrown) {
    if (isTuttiError(thrown)) return thrown;
    throw thrown;
  }
  throw new Error('the plan was taken');
}

const GOOD = `
name: Two steps
defaults: { timeout: 10s, retry: { attempts: 2, backoff: 50ms } }
orchestrators:
  backend: { concurrency: 3 }
  frontend:
tasks:
  first:
    orchestrator: backend
    simulate: 2s
  second:
    orchestrator: frontend
    run: echo hello
    needs: first
    timeout: 1m
`;

describe('a plan file', () => {
  it('is filled in with its defaults, then with ours', async () => {
    const { plan } = await loadPlan(planFile(GOOD));
    expect(plan.orchestrators).toEqual([
      { id: 'backend', maxConcurrentTasks: 3 },
      { id: 'frontend', maxConcurrentTasks: 5 },
    ]);
    const [first, second] = plan.tasks;
    expect(first).toMatchObject({
      id: 'first',
      title: 'first',
      work: { type: 'simulated', durationMs: 2000 },
      timeoutMs: 10_000,
      estimateMs: 2000,
      retry: { attemptsMax: 2, backoff: { initialMs: 50 } },
      optional: false,
    });
    expect(second).toMatchObject({
      needs: ['first'],
      timeoutMs: 60_000,
      work: { type: 'shell', command: 'echo hello' },
    });
  });

  it('may be a module', async () => {
    const file = planFile(`export default { name: 'm', tasks: { a: { simulate: 5 } } };`, 'plan.mjs');
    expect((await loadPlan(file)).plan.tasks[0]?.orchestrator).toBe('workflow');
  });

  it('may be a recorded workflow in WfFormat', async () => {
    const trace = {
      name: 'recorded',
      schemaVersion: '1.5',
      workflow: {
        specification: {
          tasks: [
            { id: 'a', name: 'start', parents: [] },
            { id: 'b', name: 'end', parents: ['a'] },
          ],
        },
        execution: { tasks: [{ id: 'a', runtimeInSeconds: 1.25 }] },
      },
    };
    const { plan } = await loadPlan(planFile(JSON.stringify(trace), 'trace.json'));
    expect(plan.tasks.map(({ id, needs, work }) => ({ id, needs, work }))).toEqual([
      { id: 'a', needs: [], work: { type: 'simulated', durationMs: 1250 } },
      { id: 'b', needs: ['a'], work: { type: 'simulated', durationMs: 0 } },
    ]);
  });

  it.each<[string, ErrorCode, string, string]>([
    ['is not YAML', 'TUTTI_PLAN_SYNTAX', 'name: [1\ntasks: }', ':2:'],
    [
      'has a task twice',
      'TUTTI_PLAN_SYNTAX',
      'name: x\ntasks:\n  a: { simulate: 1 }\n  a: { simulate: 1 }\n',
      ':4:3',
    ],
    [
      'has a key that is not known',
      'TUTTI_PLAN_INVALID',
      'name: x\ntasks:\n  a:\n    simulate: 1\n    nedes: [b]\n',
      ':5:5',
    ],
    [
      'has two kinds of work',
      'TUTTI_PLAN_INVALID',
      'name: x\ntasks:\n  a: { simulate: 1, run: ls }\n',
      ':3:',
    ],
    [
      'has a duration that is none',
      'TUTTI_PLAN_INVALID',
      'name: x\ntasks:\n  a:\n    simulate: soon\n',
      ':4:',
    ],
    [
      'has a title that would move the cursor of a terminal',
      'TUTTI_PLAN_INVALID',
      'name: x\ntasks:\n  a:\n    simulate: 1\n    title: "\\e[2J"\n',
      ':5:',
    ],
    [
      'needs a task that is not there',
      'TUTTI_PLAN_NEED_MISSING',
      'name: x\ntasks:\n  a:\n    simulate: 1\n    needs: [bb]\n',
      ':5:13',
    ],
    [
      'goes in a circle',
      'TUTTI_PLAN_CYCLE',
      'name: x\ntasks:\n  a: { simulate: 1, needs: b }\n  b: { simulate: 1, needs: a }\n',
      'a -> b -> a',
    ],
    ['needs itself', 'TUTTI_PLAN_SELF_NEED', 'name: x\ntasks:\n  a: { simulate: 1, needs: a }\n', ':3:'],
    [
      'names a function that its module lacks',
      'TUTTI_WORKER_UNKNOWN',
      `name: x\nworkers: ./w.mjs\ntasks:\n  a:\n    uses: biuld\n`,
      ':5:',
    ],
  ])('is refused when it %s, at the line', async (_, code, text, where) => {
    planFile('export function build() {}', 'w.mjs');
    const problem = await problemOf(text);
    expect(problem.code).toBe(code);
    expect(problem.message).toContain(where);
  });

  it.each([
    ['tasks:\n  a: { simulate: 1 }\n', 'name: is missing: it must be text'],
    ['name: x\n', 'tasks: is missing: it must be a map'],
    ['name: x\ntasks: []\n', 'tasks: must be a map'],
    ['', 'the plan: must be a map'],
    ['name: x\ntasks:\n  a: 5\n', 'tasks.a: must be a map'],
    ['name: ""\ntasks:\n  a: { simulate: 1 }\n', 'name: must have at least 1 character'],
    ['name: x\ntasks:\n  a: { simulate: {} }\n', 'tasks.a.simulate: must be a number, or text'],
    ['name: x\ntasks:\n  a: { simulate: 1, needs: 5 }\n', 'tasks.a.needs: must be text, or a list'],
    ['name: x\ntasks:\n  a: { simulate: 1, needs: [5] }\n', 'tasks.a.needs: 0 must be text'],
    ['name: x\ntasks:\n  a: { simulate: 1, retry: { attempts: 0 } }\n', 'retry.attempts: must be at least 1'],
    ['name: x\ntasks:\n  a: { simulate: 1, retry: { attempts: 1.5 } }\n', 'attempts: must be a whole number'],
    ['name: x\ntasks:\n  a b: { simulate: 1 }\n', 'tasks.a b: its name must be 1 to 128 of'],
  ])('is told in its own words what it should have: %j', async (text, words) => {
    const { code, message } = await problemOf(text);
    expect(code).toBe('TUTTI_PLAN_INVALID');
    expect(message).toContain(words);
    expect(message).not.toMatch(/Invalid|expected|received|record/);
  });

  it('is refused when it uses a function and names no module, unless the nodes have that function', async () => {
    const file = planFile('name: x\ntasks:\n  a:\n    uses: build\n', 'no-module.yaml');
    await expect(loadPlan(file, { functions: ['biuld'] })).rejects.toMatchObject({
      code: 'TUTTI_WORKER_UNKNOWN',
      message: expect.stringContaining('no-module.yaml:4:') as string,
    });
    expect((await loadPlan(file, { functions: ['build'] })).plan.tasks).toHaveLength(1);
  });

  it('is refused when it cannot be read', async () => {
    await expect(loadPlan('/nowhere/plan.yaml')).rejects.toMatchObject({ code: 'TUTTI_PLAN_UNREADABLE' });
  });
});
