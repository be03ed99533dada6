import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtInDetectors, type Conflict, type WorkInput } from '@tutti/actors';
import { nodeId } from '@tutti/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SERVICE_PORT } from './workers/backend/orders.ts';
import { withService } from './workers/service-process.ts';
import * as workers from './workers.ts';

interface PlanFile {
  readonly orchestrators: Readonly<Record<string, object>>;
  readonly tasks: Readonly<Record<string, TaskEntry>>;
  readonly barriers: Readonly<Record<string, BarrierEntry>>;
}

interface TaskEntry {
  readonly title: string;
  readonly orchestrator: string;
  readonly uses: string;
  readonly needs?: readonly string[];
  readonly with?: Readonly<Record<string, unknown>>;
  readonly estimate: string;
  readonly produces?: readonly string[];
}

interface BarrierEntry {
  readonly title: string;
  readonly participants: readonly string[];
  readonly after: readonly string[];
  readonly before: readonly string[];
  readonly check?: string;
}

type Output = Readonly<Record<string, unknown>>;

const functions = workers as Readonly<Record<string, (input: WorkInput) => Promise<object>>>;
const folders: string[] = [];

async function readPlan(name: string): Promise<PlanFile> {
  return parse(await readFile(join(import.meta.dirname, name), 'utf8')) as PlanFile;
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'storefront-'));
  folders.push(folder);
  return folder;
}

/** Runs plans task by task, in an order that their needs and barriers allow, without a cluster. */
class LocalRun {
  readonly outputs = new Map<string, Output>();
  readonly #plan: PlanFile;
  readonly #folder: string;
  #fence = 0;

  constructor(plan: PlanFile, folder: string) {
    this.#plan = plan;
    this.#folder = folder;
  }

  input(task: string, signal: AbortSignal = new AbortController().signal): WorkInput {
    const { orchestrator, needs = [], with: parameters = {} } = this.#entry(task);
    return {
      session: 'test',
      task,
      orchestrator,
      node: nodeId('n1'),
      attempt: 1,
      fence: ++this.#fence,
      with: parameters,
      needs: Object.fromEntries(needs.map((need) => [need, this.outputs.get(need)])),
      folder: this.#folder,
      signal,
    };
  }

  async run(task: string, signal?: AbortSignal): Promise<Output> {
    const work = functions[this.#entry(task).uses];
    if (work === undefined) throw new Error(`no function for ${task}`);
    const output = JSON.parse(JSON.stringify(await work(this.input(task, signal)))) as Output;
    this.outputs.set(task, output);
    return output;
  }

  async runAll(): Promise<void> {
    for (const task of orderOf(this.#plan)) await this.run(task);
  }

  #entry(task: string): TaskEntry {
    const entry = this.#plan.tasks[task];
    if (entry === undefined) throw new Error(`no task ${task}`);
    return entry;
  }
}

/** What has to be done before a task: what it needs, and what the barriers before it wait for. */
function requirementsOf(plan: PlanFile, task: string): string[] {
  const barriers = Object.values(plan.barriers).filter(({ before }) => before.includes(task));
  return [...(plan.tasks[task]?.needs ?? []), ...barriers.flatMap(({ after }) => after)];
}

function orderOf(plan: PlanFile): string[] {
  const order: string[] = [];
  const waiting = new Set(Object.keys(plan.tasks));
  while (waiting.size > 0) {
    const next = [...waiting].find((task) =>
      requirementsOf(plan, task).every((need) => order.includes(need)),
    );
    if (next === undefined) throw new Error(`none of ${[...waiting].join(', ')} can start`);
    order.push(next);
    waiting.delete(next);
  }
  return order;
}

/** What the barrier's check finds in what its participants bring. */
function conflictsOf(plan: PlanFile, run: LocalRun, barrier: string): readonly Conflict[] {
  const { after = [], check = '' } = plan.barriers[barrier] ?? {};
  const brought = after.map((task) => ({
    orchestrator: plan.tasks[task]?.orchestrator ?? '',
    task,
    value: run.outputs.get(task),
  }));
  return builtInDetectors().get(check)(brought);
}

/** Every file of a folder with its content, except reports, which hold times. */
async function contentsOf(folder: string): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path.endsWith('reports/performance.json')) continue;
    contents.set(path.slice(folder.length + 1), (await readFile(path)).toString('base64'));
  }
  return contents;
}

/** The service processes that still run on a folder of these tests. */
function servicesOf(folder: string): string[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(join(folder, 'service/server.mjs')));
}

afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

describe('the plan of the storefront', () => {
  it('has the nineteen tasks of four orchestrators and their three meetings', async () => {
    const plan = await readPlan('plan.yaml');
    expect(Object.keys(plan.orchestrators)).toEqual(['frontend', 'backend', 'devops', 'testing']);
    const titles = Object.values(plan.tasks).map(({ title }) => title);
    expect(titles.toSorted()).toEqual(
      [
        'Product catalog UI',
        'Shopping cart interface',
        'Checkout flow',
        'User account dashboard',
        'Admin product management',
        'Product API design',
        'Order management system',
        'Payment processing integration',
        'Inventory management',
        'User authentication',
        'Database setup (PostgreSQL)',
        'Redis caching layer',
        'CI/CD pipeline',
        'Container orchestration',
        'Monitoring and logging',
        'API integration tests',
        'E2E checkout flow tests',
        'Performance testing',
        'Security testing',
      ].toSorted(),
    );
    expect(Object.values(plan.barriers).map(({ title, participants }) => [title, participants])).toEqual([
      ['API Contract Agreement', ['frontend', 'backend']],
      ['Infrastructure Ready', ['backend', 'devops']],
      ['Integration Testing', ['frontend', 'backend', 'testing']],
    ]);
  });

  it('lets every participant of a barrier arrive with a task of its own', async () => {
    const plan = await readPlan('plan.yaml');
    for (const { participants, after } of Object.values(plan.barriers)) {
      const arriving = new Set(after.map((task) => plan.tasks[task]?.orchestrator));
      expect(arriving).toEqual(new Set(participants));
    }
  });

  it('is estimated at 435 minutes in a row and at 180 along its longest chain', async () => {
    const plan = await readPlan('plan.yaml');
    const minutes = (task: string) => Number.parseInt(plan.tasks[task]?.estimate ?? '', 10);
    const sums: Record<string, number> = {};
    const ends = new Map<string, number>();
    for (const task of orderOf(plan)) {
      const { orchestrator = '' } = plan.tasks[task] ?? {};
      sums[orchestrator] = (sums[orchestrator] ?? 0) + minutes(task);
      const start = Math.max(0, ...requirementsOf(plan, task).map((need) => ends.get(need) ?? 0));
      ends.set(task, start + minutes(task));
    }
    expect(sums).toEqual({ frontend: 120, backend: 150, devops: 90, testing: 75 });
    expect(Math.max(...ends.values())).toBe(180);
  });
});

describe('the model of the storefront', () => {
  it('has the tasks, needs, meetings and estimates of the plan, and no work', async () => {
    const plan = await readPlan('plan.yaml');
    const model = await readPlan('plan-model.yaml');
    for (const [id, { title, orchestrator, needs, estimate }] of Object.entries(plan.tasks)) {
      expect(model.tasks[id], id).toEqual({ title, orchestrator, needs, simulate: estimate });
    }
    expect(Object.keys(model.tasks)).toEqual(Object.keys(plan.tasks));
    expect(model.orchestrators).toEqual(plan.orchestrators);
    for (const [id, { check: _, ...barrier }] of Object.entries(plan.barriers)) {
      expect(model.barriers[id], id).toEqual(barrier);
    }
  });
});

describe('the tasks of the storefront', () => {
  let plan: PlanFile;
  let folder: string;
  let run: LocalRun;

  beforeAll(async () => {
    plan = await readPlan('plan.yaml');
    folder = await newFolder();
    run = new LocalRun(plan, folder);
    await run.runAll();
  }, 120_000);

  it('build a shop that passes its own tests, and name what they produced', () => {
    for (const [task, { produces = [] }] of Object.entries(plan.tasks)) {
      expect(Object.keys(run.outputs.get(task) ?? {}), task).toEqual(expect.arrayContaining([...produces]));
    }
    expect(run.outputs.get('performance-testing')).toMatchObject({ buyers: 80, sold: 25, soldOut: 55 });
    expect(run.outputs.get('api-integration-tests')).toMatchObject({ operations: 13 });
  });

  it('keep their results small enough for a log', () => {
    for (const [task, output] of run.outputs)
      expect(JSON.stringify(output).length, task).toBeLessThan(16_384);
  });

  it('give the same results and the same files when each of them runs a second time', async () => {
    const first = { outputs: new Map(run.outputs), contents: await contentsOf(folder) };
    await run.runAll();
    for (const [task, { measured: _, ...output }] of first.outputs) {
      expect(run.outputs.get(task), task).toMatchObject(output);
    }
    expect(await contentsOf(folder)).toEqual(first.contents);
  }, 120_000);

  it('leave nothing half written and no process behind', async () => {
    expect(await readdir(join(folder, '.partial'))).toEqual([]);
    expect(servicesOf(folder)).toEqual([]);
  });

  it('clear away what killed attempts left half written, at the end', async () => {
    await writeFile(join(folder, '.partial', 'checkout-flow-n2-7-1234-1'), 'half a pa');
    await run.run('ci-cd-pipeline');
    expect(await readdir(join(folder, '.partial'))).toEqual([]);
  });

  it('refuse to release a module that does not parse', async () => {
    const name = join(folder, 'site/cart.mjs');
    const source = await readFile(name, 'utf8');
    await writeFile(name, `${source}\n}`);
    await expect(run.run('ci-cd-pipeline')).rejects.toThrow(/cart\.mjs:\d+/);
    await writeFile(name, source);
  });

  it('end the service and give the reason when they are aborted in the middle', async () => {
    const abort = new AbortController();
    const reason = new Error('the fence is old');
    let running = 0;
    const work = withService(run.input('security-testing', abort.signal), async () => {
      running = servicesOf(folder).length;
      abort.abort(reason);
      return await new Promise(() => undefined);
    });
    await expect(work).rejects.toBe(reason);
    expect(running).toBe(1);
    expect(servicesOf(folder)).toEqual([]);
  });

  it('take their service with them when their own process is killed', async () => {
    const { signal: _, ...input } = run.input('security-testing');
    const starter = spawn(process.execPath, [
      '--input-type=module',
      '--eval',
      `import { withService } from ${JSON.stringify(join(import.meta.dirname, 'workers/service-process.ts'))};
       const input = { ...${JSON.stringify(input)}, signal: new AbortController().signal };
       await withService(input, (service) => (console.log(service.port), new Promise(() => undefined)));`,
    ]);
    try {
      const [port] = (await once(starter.stdout, 'data')) as [Buffer];
      const connection = connect({ port: Number(port.toString()), host: '127.0.0.1' });
      await once(connection, 'connect');
      starter.kill('SIGKILL');
      await once(connection.on('error', () => undefined).resume(), 'close');
    } finally {
      starter.kill('SIGKILL');
    }
  });

  it('stop with the reason of the abort', async () => {
    const reason = new Error('cancelled');
    const stopped: string[] = [];
    for (const task of Object.keys(plan.tasks)) {
      const abort = new AbortController();
      const work = run.run(task, abort.signal).catch((error: unknown) => error);
      abort.abort(reason);
      if ((await work) === reason) stopped.push(task);
    }
    expect(stopped.toSorted()).toEqual(Object.keys(plan.tasks).toSorted());
    expect(servicesOf(folder)).toEqual([]);
  });

  it('bring to each meeting what agrees, and enough of it to disagree about', () => {
    for (const barrier of Object.keys(plan.barriers))
      expect(conflictsOf(plan, run, barrier), barrier).toEqual([]);
    const sides = ['checkout-flow', 'order-management-system', 'api-integration-tests'];
    const deployments = sides.map((task) => run.outputs.get(task)?.['deployment_config']);
    expect(deployments[0]).toMatchObject({ port: SERVICE_PORT, currency: 'EUR' });
    expect(deployments).toEqual([deployments[0], deployments[0], deployments[0]]);
    const { infrastructure_needs: needs } = run.outputs.get('inventory-management') ?? {};
    expect(Object.keys(needs ?? {})).toEqual(['postgres', 'redis', 'api']);
  });

  it('fail with what was expected and seen when the backend oversells', async () => {
    const broken = await newFolder();
    await cp(folder, broken, { recursive: true });
    const name = join(broken, 'service/inventory.mjs');
    const source = await readFile(name, 'utf8');
    await writeFile(name, source.replace(' AND on_hand - reserved >= :quantity', ''));
    const rebuilt = new LocalRun(plan, broken);
    await expect(rebuilt.run('performance-testing')).rejects.toThrow(/expected .*"sold":25.*, saw /);
  });
});

describe('the plan with a disagreement', () => {
  it('brings two contracts to the meeting of which one reads a field that the other lacks', async () => {
    const plan = await readPlan('plan-wrong-contract.yaml');
    const run = new LocalRun(plan, await newFolder());
    await run.run('product-catalog-ui');
    await run.run('product-api-design');
    const conflicts = conflictsOf(plan, run, 'api-contract-agreement');
    expect(conflicts).toMatchObject([
      {
        subject: 'GET /products/{sku}',
        sides: [
          { orchestrator: 'frontend', task: 'product-catalog-ui', value: { rating: 'number' } },
          { orchestrator: 'backend', task: 'product-api-design' },
        ],
      },
    ]);
  });
});
