import { expect, test } from 'vitest';
import type { SessionRecord } from './coordination/board/state.ts';
import { ALL_CAPABILITIES } from './coordination/master/capabilities.ts';
import { planOf } from './testing/plan-of.ts';
import { SimWorld, type WorldOptions } from './testing/sim-world.ts';
import { functionWorker, type WorkFunction } from './workers/function-worker.ts';

const DIAMOND = [
  { id: 'top' },
  { id: 'left', needs: ['top'] },
  { id: 'right', needs: ['top'] },
  { id: 'bottom', needs: ['left', 'right'] },
];

const work = (name: string) => ({ type: 'function', name }) as const;

function worldWith(functions: Record<string, WorkFunction>, nodes: readonly string[] = ['n1']): SimWorld {
  return new SimWorld({ nodes, workers: () => [functionWorker(functions)] });
}

test('a diamond runs to its end, and its two sides at the same time', async () => {
  const world = new SimWorld();
  const [record] = await world.finish(await world.submit(planOf(DIAMOND)));
  expect(record!.state).toBe('done');
  expect(makespan(record!)).toBe(3_000);
});

test('a task is handed the outputs of the tasks that it needs, and its own parameters', async () => {
  const world = worldWith({
    make: ({ with: { size } }) => ({ size }),
    add: ({ needs }) => ({ sum: Object.values(needs).reduce<number>((sum, made) => sum + sizeOf(made), 0) }),
  });
  const plan = planOf([
    { id: 'a', work: work('make'), with: { size: 2 } },
    { id: 'b', work: work('make'), with: { size: 3 } },
    { id: 'c', work: work('add'), needs: ['a', 'b'] },
  ]);
  const [record] = await world.finish(await world.submit(plan));
  expect(record!.tasks.get('c')!.output).toEqual({ sum: 5 });
});

test('no orchestrator ever runs more than its limit on a node, and the limit is used', async () => {
  const world = new SimWorld({ nodes: ['n1', 'n2'] });
  const plan = planOf(
    Array.from({ length: 30 }, (_, i) => ({ id: `t${i}`, orchestrator: i % 2 ? 'backend' : 'frontend' })),
    { limit: 3 },
  );
  const busiest = new Map<string, number>();
  world.on('n1').board.watch({
    applied() {
      const board = world.on('n1').board.module;
      for (const { nodeId, incarnation } of world.members.list()) {
        const running = board.heldBy(nodeId, incarnation).map(({ record }) => record.plan.orchestrator);
        for (const id of ['backend', 'frontend']) {
          const count = running.filter((orchestrator) => orchestrator === id).length;
          busiest.set(`${nodeId} ${id}`, Math.max(count, busiest.get(`${nodeId} ${id}`) ?? 0));
        }
      }
    },
  });
  const [record] = await world.finish(await world.submit(plan));
  expect(Object.fromEntries(busiest)).toEqual({
    'n1 backend': 3,
    'n1 frontend': 3,
    'n2 backend': 3,
    'n2 frontend': 3,
  });
  expect(makespan(record!)).toBe(3_000); // 30 tasks of a second, 12 at a time
});

test("limits of the cluster and of each node hold beside the plan's own", async () => {
  const plan = planOf(Array.from({ length: 12 }, (_, i) => ({ id: `t${i}` })));
  const makespanUnder = async (limits: { tasksMax?: number; tasksPerNodeMax?: number }) => {
    const world = new SimWorld({ nodes: ['n1', 'n2'], options: { limits } });
    const [record] = await world.finish(await world.submit(plan));
    return makespan(record!);
  };
  expect(await makespanUnder({ tasksMax: 3 })).toBe(4_000);
  expect(await makespanUnder({ tasksPerNodeMax: 3 })).toBe(2_000);
});

test('sessions share the slots of an orchestrator in turns', async () => {
  const world = new SimWorld();
  const plan = planOf(
    Array.from({ length: 8 }, (_, i) => ({ id: `t${i}` })),
    { limit: 2 },
  );
  const first = await world.submit(plan);
  const second = await world.submit(plan);
  const records = await world.finish(first, second);
  for (const record of records) expect(makespan(record)).toBeGreaterThanOrEqual(7_000);
});

test('ten tasks of 500 ms are two waves of five, and a fifth of the time that one at a time takes', async () => {
  const makespanOf = async (limit: number) => {
    const world = new SimWorld();
    const plan = planOf(
      Array.from({ length: 10 }, (_, i) => ({
        id: `t${i}`,
        work: { type: 'simulated', durationMs: 500 } as const,
      })),
      { limit },
    );
    const [record] = await world.finish(await world.submit(plan));
    expect(record!.state).toBe('done');
    return makespan(record!);
  };
  expect(await makespanOf(5)).toBe(1_000);
  expect(await makespanOf(1)).toBe(5_000);
});

test('waves cost time that eager starting does not', async () => {
  // A chain of short tasks beside a fan of long ones: in waves every step of the chain waits for the fan.
  const plan = planOf([
    { id: 'c1', work: { type: 'simulated', durationMs: 1_000 } },
    { id: 'c2', work: { type: 'simulated', durationMs: 4_000 }, needs: ['c1'] },
    { id: 'c3', work: { type: 'simulated', durationMs: 1_000 }, needs: ['c2'] },
    { id: 'f1', work: { type: 'simulated', durationMs: 5_000 } },
    { id: 'f2', work: { type: 'simulated', durationMs: 1_000 }, needs: ['f1'] },
  ]);
  const spans: Record<string, number> = {};
  for (const mode of ['eager', 'wave'] as const) {
    const world = new SimWorld();
    const [record] = await world.finish(await world.submit(plan, { mode }));
    expect(record!.state).toBe('done');
    spans[mode] = makespan(record!);
  }
  expect(spans).toEqual({ eager: 6_000, wave: 10_000 });
});

const CONTRACT = {
  id: 'contract',
  title: 'API contract',
  participants: ['backend', 'frontend'],
  after: ['api', 'ui'],
  before: ['ship'],
  check: 'deployment',
};

const agreeOn = (ports: { api: number; ui: number }) =>
  planOf(
    [
      { id: 'api', work: work('port'), with: { port: ports.api } },
      { id: 'ui', orchestrator: 'frontend', work: work('port'), with: { port: ports.ui } },
      { id: 'ship' },
    ],
    { barriers: [CONTRACT] },
  );

test('a barrier lets its tasks through once all have arrived and agree', async () => {
  const world = worldWith({ port: ({ with: { port } }) => ({ deployment_config: { port } }) });
  const [record] = await world.finish(await world.submit(agreeOn({ api: 80, ui: 80 })));
  expect(record!.state).toBe('done');
  const { releasedAt } = record!.barriers.get('contract')!;
  expect(record!.tasks.get('ship')!.attempts[0]!.assignedAt).toBeGreaterThanOrEqual(releasedAt!);
});

test('a barrier whose participants disagree fails the session with both sides', async () => {
  const world = worldWith({ port: ({ with: { port } }) => ({ deployment_config: { port } }) });
  const [record] = await world.finish(await world.submit(agreeOn({ api: 80, ui: 8_080 })));
  expect(record!.state).toBe('failed');
  expect(record!.barriers.get('contract')).toMatchObject({
    state: 'conflict',
    conflicts: [
      {
        subject: 'port',
        sides: [
          { orchestrator: 'backend', task: 'api', value: 80 },
          { orchestrator: 'frontend', task: 'ui', value: 8_080 },
        ],
      },
    ],
  });
  expect(record!.tasks.get('ship')!.attempts).toEqual([]);
});

test('a check that nobody knows is refused when the plan is submitted', async () => {
  const world = new SimWorld();
  const plan = planOf([{ id: 'api' }, { id: 'ui', orchestrator: 'frontend' }, { id: 'ship' }], {
    barriers: [{ ...CONTRACT, check: 'taste' }],
  });
  await expect(world.submit(plan)).rejects.toMatchObject({ code: 'TUTTI_PLAN_BARRIER_CHECK_UNKNOWN' });
});

test('what waits says what it waits for: a task, a limit of the plan or one of the cluster', async () => {
  const plan = planOf([{ id: 'a' }, { id: 'b' }, { id: 'c', needs: ['a'] }], { limit: 1 });
  const whyUnder = async (options: NonNullable<WorldOptions['options']>) => {
    const world = new SimWorld({ options });
    const session = await world.submit(plan);
    await world.pass(500);
    return (task: string) =>
      world
        .on()
        .explain(session, task)
        .map(({ kind, ref }) => `${kind} ${ref}`);
  };
  const why = await whyUnder({});
  expect(why('a')).toEqual([]);
  expect(why('b')).toEqual(['limit orchestrator:backend']);
  expect(why('c')).toEqual(['dependency task:a']);
  expect((await whyUnder({ limits: { tasksMax: 1 } }))('b')[0]).toBe('limit cluster');
});

test('a cancelled session aborts what runs, and starts nothing more', async () => {
  const aborted: string[] = [];
  const world = worldWith({
    endless: ({ task, signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push(task);
          reject(signal.reason as Error);
        });
      }),
  });
  const session = await world.submit(
    planOf([
      { id: 'a', work: work('endless') },
      { id: 'b', work: work('endless') },
      { id: 'c', needs: ['a'] },
    ]),
  );
  await world.pass(500);
  const ended = world.on().waitFor(session);
  await world.settle(world.on().cancel(session, 'not needed any more'));
  const record = await world.settle(ended);
  await world.pass(1);
  expect(record.state).toBe('cancelled');
  expect(record.problem!.message).toContain('not needed any more');
  expect(aborted.sort()).toEqual(['a', 'b']);
  expect(record.tasks.get('c')!.attempts).toEqual([]);
  expect(
    world
      .on()
      .orchestrators()
      .find(({ id }) => id === 'backend'),
  ).toMatchObject({ state: 'idle', running: 0 });
});

test('a plan that names work nobody can do is refused with the name of the task', async () => {
  const world = worldWith({ known: () => ({}) });
  await expect(
    world.submit(
      planOf([
        { id: 'a', work: work('known') },
        { id: 'b', work: work('knwon') },
      ]),
    ),
  ).rejects.toMatchObject({ code: 'TUTTI_WORKER_UNKNOWN', details: { task: 'b' } });
  expect([...world.board.sessions()]).toEqual([]);
});

test('a plan that needs a capability which is off is refused with its name', async () => {
  const capabilities = { ...ALL_CAPABILITIES, task_decomposition: false };
  const world = new SimWorld({ options: { capabilities } });
  await expect(world.submit(planOf(DIAMOND))).rejects.toMatchObject({
    code: 'TUTTI_CAPABILITY_OFF',
    details: { capability: 'task_decomposition' },
  });
  const [record] = await world.finish(await world.submit(planOf([{ id: 'only' }])));
  expect(record!.state).toBe('done');
});

test('a plan may bring orchestrators that no profile has, whatever their names', async () => {
  const world = new SimWorld({ nodes: ['n1', 'n2'] });
  const plan = planOf([
    { id: 'a', orchestrator: 'data science' },
    { id: 'b', orchestrator: 'données' },
  ]);
  const [record] = await world.finish(await world.submit(plan));
  expect(record!.state).toBe('done');
});

test('submitting the same plan under the same id twice opens one session', async () => {
  const world = new SimWorld();
  await world.submit(planOf(DIAMOND), { session: 'mine' });
  await world.submit(planOf(DIAMOND), { session: 'mine' });
  await world.finish('mine');
  expect([...world.board.sessions()]).toHaveLength(1);
});

test('waiting for a session that is not there, or on a node that stops, does not hang', async () => {
  const world = new SimWorld();
  await expect(world.settle(world.on().waitFor('nobody'))).rejects.toMatchObject({
    code: 'TUTTI_SESSION_UNKNOWN',
  });
  const session = await world.submit(planOf([{ id: 'only' }]));
  const aborter = new AbortController();
  const aborted = world.on().waitFor(session, aborter.signal);
  aborter.abort();
  await expect(world.settle(aborted)).rejects.toMatchObject({ code: 'TUTTI_ABORTED' });
  const waiting = world.on().waitFor(session);
  await world.pass(1);
  void world.on().stop();
  await expect(world.settle(waiting)).rejects.toMatchObject({ code: 'TUTTI_CLOSED' });
});

function makespan(record: SessionRecord): number {
  return record.endedAt! - record.openedAt;
}

function sizeOf(made: unknown): number {
  return typeof made === 'object' && made !== null && 'size' in made ? Number(made.size) : Number.NaN;
}
