import { nodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { TaskRecord } from './coordination/board/state.ts';
import { planOf } from './testing/plan-of.ts';
import { SimWorld } from './testing/sim-world.ts';
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

test('a failed task is tried again after exactly the waits of its backoff', async () => {
  const startedAt: number[] = [];
  const world = worldWith({
    flaky: ({ attempt }) => {
      startedAt.push(world.clock.now());
      if (attempt < 4) throw new Error('not yet');
      return {};
    },
  });
  const retry = { attemptsMax: 4, backoff: { initialMs: 100, factor: 3, maxMs: 30_000, jitter: 0 } };
  const [record] = await world.finish(
    await world.submit(planOf([{ id: 'only', work: work('flaky'), retry }])),
  );
  expect(record!.state).toBe('done');
  expect(startedAt.map((at) => at - startedAt[0]!)).toEqual([0, 100, 400, 1_300]);
});

test('when the tries are used up the session fails with the last problem', async () => {
  const world = worldWith({
    broken: () => {
      throw new Error('no space');
    },
  });
  const [record] = await world.finish(await world.submit(planOf([{ id: 'only', work: work('broken') }])));
  expect(record!.state).toBe('failed');
  expect(record!.tasks.get('only')!.failures).toBe(3);
  expect(record!.problem!.message).toContain('no space');
});

test('an error that says it is not to be retried uses one try', async () => {
  const world = worldWith({
    refused: () => {
      throw Object.assign(new Error('wrong key'), { retryable: false });
    },
  });
  const [record] = await world.finish(await world.submit(planOf([{ id: 'only', work: work('refused') }])));
  expect(record!.tasks.get('only')!.attempts).toHaveLength(1);
  expect(record!.state).toBe('failed');
});

test('a task that runs too long is aborted, and what it brings later changes nothing', async () => {
  const aborted: string[] = [];
  const world = worldWith({
    slow: ({ attempt, signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () =>
          aborted.push(signal.reason instanceof Error ? 'abort' : 'other'),
        );
        world.clock.setTimer(attempt === 1 ? 2_500 : 900, () => resolve({ by: attempt }));
      }),
  });
  const plan = planOf([
    { id: 'only', work: work('slow'), timeoutMs: 1_000 },
    { id: 'after', needs: ['only'] },
  ]);
  const [record] = await world.finish(await world.submit(plan));
  const task = record!.tasks.get('only')!;
  expect(task.attempts.map(({ outcome, problem }) => [outcome, problem?.code])).toEqual([
    ['failed', 'TUTTI_TASK_TIMEOUT'],
    ['done', undefined],
  ]);
  expect(aborted).toEqual(['abort']);
  expect(task.output).toEqual({ by: 2 });
  expect(task.completions).toBe(1);
  const [backend] = world
    .on()
    .orchestrators()
    .filter(({ id }) => id === 'backend');
  expect(backend!.counts.of('late')).toBe(1);
});

test('a result without a deliverable that the plan expects fails the attempt', async () => {
  const world = worldWith({
    half: ({ attempt }) => ({ files: attempt === 1 ? ['a.txt'] : ['a.txt', 'b.txt'] }),
  });
  const plan = planOf([{ id: 'only', work: work('half'), deliverables: ['a.txt', 'b.txt'] }]);
  const [record] = await world.finish(await world.submit(plan));
  const [first] = record!.tasks.get('only')!.attempts;
  expect(first!.problem).toMatchObject({ code: 'TUTTI_DELIVERABLE_MISSING' });
  expect(first!.problem!.message).toContain('["b.txt"]');
  expect(record!.state).toBe('done');
});

test('an orchestrator that crashes goes on with its tasks without using up a try', async () => {
  const world = new SimWorld();
  const plan = planOf([
    { id: 'only', retry: { attemptsMax: 1, backoff: {} } },
    { id: 'next', needs: ['only'] },
  ]);
  const session = await world.submit(plan);
  await world.pass(500);
  expect(world.on().crash('backend')).toBe(true);
  const [record] = await world.finish(session);
  expect(record!.state).toBe('done');
  expect(outcomes(record!.tasks.get('only')!)).toEqual(['returned', 'done']);
  expect(record!.recoveries).toMatchObject([{ node: 'n1', move: 'restart', tasks: ['only'] }]);
  expect(world.on().crash('nobody')).toBe(false);
});

test('what a lost node ran goes to another node without using up a try', async () => {
  const world = new SimWorld({ nodes: ['n1', 'n2', 'n3'] });
  const plan = planOf(
    Array.from({ length: 6 }, (_, i) => ({ id: `t${i}`, retry: { attemptsMax: 1, backoff: {} } })),
  );
  const session = await world.submit(plan);
  await world.pass(500);
  world.kill('n1');
  const [record] = await world.finish(session);
  expect(record!.state).toBe('done');
  const lost = [...record!.tasks.values()].filter((task) => outcomes(task).includes('lost'));
  expect(lost).toHaveLength(2);
  for (const task of lost) {
    expect(outcomes(task)).toEqual(['lost', 'done']);
    expect(task.attempts[1]!.node).not.toBe('n1');
  }
  expect(record!.recoveries).toMatchObject([{ node: 'n1', tasks: lost.map(({ plan }) => plan.id) }]);
});

test('a node that stops hands its tasks back when the members know that it leaves, and not before', async () => {
  const world = new SimWorld({ nodes: ['n1', 'n2'] });
  const retry = { attemptsMax: 1, backoff: {} };
  const session = await world.submit(
    planOf([
      { id: 'a', retry },
      { id: 'b', retry },
    ]),
    { by: 'n2' },
  );
  await world.pass(500);
  await world.settle(world.on('n1').stop());
  await world.pass(100);
  const held = () => world.board.holders().map(({ node }) => node);
  expect(held()).toContain('n1');
  world.say('n1', 'leaving');
  await world.pass(10);
  expect(held()).not.toContain('n1');
  const [record] = await world.finish(session);
  expect(record!.state).toBe('done');
  const ends = [...record!.tasks.values()].map((task) => outcomes(task).join());
  expect(ends.toSorted((a, b) => a.length - b.length)).toEqual(['done', 'returned,done']);
});

test('what a node that leaves had asked for, and is given after that, goes to others at once', async () => {
  const world = new SimWorld({ nodes: ['n1', 'n2'] });
  const tasks = ['a', 'b', 'c'].map((id) => ({ id, retry: { attemptsMax: 1, backoff: {} } }));
  const session = await world.submit(planOf(tasks, { limit: 1 }), { by: 'n2' });
  await world.pass(100);
  const { incarnation } = world.systemOf('n1');
  await world.settle(world.on('n1').stop());
  world.say('n1', 'leaving');
  await world.pass(50);
  const held = () => world.board.holders().filter(({ node }) => node === 'n1');
  expect(held()).toEqual([]);
  const holder = { node: nodeId('n1'), incarnation };
  const take = { type: 'tasks.take', holder, orchestrator: 'backend', upTo: 1 };
  await world.settle(world.log.open('on its way').propose(take));
  expect(held()).toHaveLength(1);
  await world.pass(50);
  expect(held()).toEqual([]);
  const [record] = await world.finish(session);
  expect(record!.state).toBe('done');
});

test('a node that comes back with a new life gives up what its old one held', async () => {
  const world = new SimWorld({ nodes: ['n1'] });
  const session = await world.submit(planOf([{ id: 'only' }]));
  await world.pass(500);
  world.kill('n1');
  await world.pass(100); // before anybody has called it lost
  world.boot('n1');
  const [record] = await world.finish(session);
  expect(outcomes(record!.tasks.get('only')!)).toEqual(['lost', 'done']);
});

test('a node that was only slow cannot write once its work was given away', async () => {
  const world = new SimWorld({ nodes: ['n1', 'n2'] });
  const session = await world.submit(planOf([{ id: 'a' }, { id: 'b' }]));
  await world.pass(500);
  world.log.cut('n1', true);
  world.declareLost('n1');
  await world.pass(700); // its task has ended on n1 and runs on n2
  world.log.cut('n1', false);
  const [record] = await world.finish(session);
  expect(record!.state).toBe('done');
  expect(record!.staleResults).toBe(1);
  for (const task of record!.tasks.values()) expect(task.completions).toBe(1);
  await world.pass(5_000);
  const counted = world
    .on('n1')
    .orchestrators()
    .find(({ id }) => id === 'backend')!.counts;
  expect(counted.of('stale')).toBe(1);
  expect(counted.of('done')).toBe(0);
});

test('a result waits for the log to be reachable again instead of being worked out twice', async () => {
  const world = new SimWorld({ nodes: ['n1'] });
  const session = await world.submit(planOf([{ id: 'only' }]));
  await world.pass(500);
  world.log.cut('n1', true);
  await world.pass(10_000);
  world.log.cut('n1', false);
  const [record] = await world.finish(session);
  expect(outcomes(record!.tasks.get('only')!)).toEqual(['done']);
});

test('a master that crashes or moves at any moment loses nothing', async () => {
  const world = new SimWorld({ nodes: ['n1', 'n2', 'n3'] });
  const plan = planOf([
    ...DIAMOND,
    ...Array.from({ length: 20 }, (_, i) => ({ id: `t${i}`, needs: i > 3 ? [`t${i - 4}`] : [] })),
  ]);
  const session = await world.submit(plan);
  for (let round = 0; round < 25; round++) {
    await world.pass(130);
    if (round % 2) world.moveMaster();
    else world.masterRef.send({ type: 'crash' });
  }
  const [record] = await world.finish(session);
  expect(record!.state).toBe('done');
  for (const task of record!.tasks.values()) expect(outcomes(task)).toEqual(['done']);
});

test('a node whose copy of the board lags behind the answers reports nothing twice', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new SimWorld({ seed, nodes: ['n1', 'n2'], faults: { applyMsMax: 200 } });
    const session = await world.submit(planOf([...DIAMOND, { id: 'other' }]));
    const [record] = await world.finish(session);
    await world.pass(5_000);
    expect(record!.staleResults).toBe(0);
    for (const task of record!.tasks.values()) expect(outcomes(task)).toEqual(['done']);
  }
});

function outcomes(task: TaskRecord) {
  return task.attempts.map(({ outcome }) => outcome);
}
