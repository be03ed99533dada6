import { isTuttiError } from '@tutti/kernel';
import { type Ref, reply, replying, type Terminated } from '@tutti/runtime';
import { describe, expect, it } from 'vitest';
import { assign, fromCallback, fromPromise, fromTransition, setup } from 'xstate';
import { createTestCluster } from './index.ts';
import type { TestCluster } from './test-cluster.ts';
import type { TestClusterOptions } from './test-cluster-options.ts';
import type { TestNodeSetup } from './test-node.ts';

type CountEvent = { type: 'add' } | { type: 'show' };

const counter = setup({
  types: { context: {} as { count: number }, events: {} as CountEvent },
}).createMachine({
  context: { count: 0 },
  on: {
    add: {
      actions: [assign({ count: ({ context }) => context.count + 1 }), reply(({ context }) => context.count)],
    },
    show: { actions: reply(({ context }) => context.count) },
  },
});

const log = replying<readonly string[], { type: 'put'; word: string }>((words, { word }, answer) => {
  const next = word === '' ? words : [...words, word];
  answer(next);
  return next;
}, []);

function declare(node: TestNodeSetup): void {
  node.entity('counter', counter);
  node.entity('keeper', counter, { singleton: true });
  node.replicated('log', log);
}

async function started(options: TestClusterOptions = {}): Promise<TestCluster> {
  const cluster = createTestCluster({ setup: declare, cluster: { shards: 16 }, ...options });
  await cluster.start();
  return cluster;
}

const add = (cluster: TestCluster, node: string, key: string): Promise<number> =>
  cluster.settle(cluster.node(node).ref<CountEvent>('counter', key).ask<number>({ type: 'add' }));

describe('a test cluster', () => {
  it('runs actors of all four placements, on virtual time', async () => {
    const cluster = await started();
    expect(await add(cluster, 'n1', 'a')).toBe(1);
    expect(await add(cluster, 'n3', 'a')).toBe(2);
    const keeper = cluster.node('n2').ref<CountEvent>('keeper', 'singleton');
    expect(await cluster.settle(keeper.ask({ type: 'add' }))).toBe(1);
    const words = cluster.node('n2').ref('replicated:log');
    expect(await cluster.settle(words.ask({ type: 'put', word: 'x' } as { type: string }))).toEqual(['x']);
    const local = cluster.node('n1').spawn(counter);
    expect(await cluster.settle(cluster.node('n2').ref(local.address).ask({ type: 'add' }))).toBe(1);
    await cluster.run(60_000);
    expect(cluster.now()).toBeGreaterThan(60_000);
  });

  it('keeps what was acknowledged when every node loses its power', async () => {
    const cluster = await started();
    for (let count = 1; count <= 5; count++) expect(await add(cluster, 'n2', 'a')).toBe(count);
    for (const { id } of cluster.nodes) cluster.crash(id);
    expect(cluster.nodes.map(({ isUp }) => isUp)).toEqual([false, false, false]);
    for (const { id } of cluster.nodes) cluster.restart(id);
    await cluster.untilWhole();
    expect(cluster.nodes.map(({ incarnation }) => incarnation)).toEqual([2, 2, 2]);
    expect(await add(cluster, 'n3', 'a')).toBe(6);
  });

  it('fails an ask at once when the node that it went through ends, and one through a dead node', async () => {
    const cluster = await started();
    cluster.partition(['n1']);
    const ask = cluster.node('n1').ref<CountEvent>('counter', 'a').ask({ type: 'add' });
    cluster.crash('n1');
    await expect(cluster.settle(ask)).rejects.toMatchObject({ code: 'TUTTI_NODE_UNREACHABLE' });
    await expect(
      cluster.settle(cluster.node('n1').ref<CountEvent>('counter', 'a').ask({ type: 'add' })),
    ).rejects.toMatchObject({ code: 'TUTTI_NODE_UNREACHABLE' });
  });

  it('lets the majority go on beside a partition, gives the cut off node up, and takes it back', async () => {
    const cluster = await started();
    const end = cluster.partition(['n1'], ['n2', 'n3']);
    await cluster.run(5_000);
    expect(
      cluster
        .node('n2')
        .members()
        .find(({ nodeId }) => nodeId === 'n1')!.state,
    ).toBe('lost');
    expect(await add(cluster, 'n3', 'a')).toBe(1);
    end();
    await cluster.untilWhole();
    expect(cluster.node('n1').incarnation).toBe(2);
    expect(await add(cluster, 'n1', 'a')).toBe(2);
  });

  it('cuts one direction only', async () => {
    const cluster = await started({ nodes: 2 });
    const heard: string[] = [];
    const ears = cluster.nodes.map((node) =>
      node.spawn(
        fromTransition(
          (_: undefined, event: { type: string }) => void heard.push(`${node.id} ${event.type}`),
          undefined,
        ),
      ),
    );
    cluster.cut('n1', 'n2');
    cluster.node('n1').ref(ears[1]!.address).send({ type: 'lost' });
    cluster.node('n2').ref(ears[0]!.address).send({ type: 'heard' });
    await cluster.run(50);
    expect(heard).toEqual(['n1 heard']);
  });

  it('holds back what a paused node should do, and does it in order when it goes on', async () => {
    const cluster = await started();
    const seen: number[] = [];
    const ear = cluster
      .node('n2')
      .spawn(
        fromTransition(
          (_: undefined, event: { type: string; at: number }) => void seen.push(event.at),
          undefined,
        ),
      );
    cluster.pause('n2');
    for (const at of [1, 2, 3])
      cluster.node('n1').ref<{ type: string; at: number }>(ear.address).send({ type: 'x', at });
    await cluster.run(300);
    expect(seen).toEqual([]);
    cluster.resume('n2');
    await cluster.run(10);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('makes links and disks slow, and clocks wrong', async () => {
    const cluster = await started({ clockSkewMs: 1_000 });
    const ear = cluster.node('n2').spawn(counter);
    const took = async (): Promise<number> => {
      const from = cluster.now();
      await cluster.settle(cluster.node('n1').ref(ear.address).ask({ type: 'add' }));
      return cluster.now() - from;
    };
    expect(await took()).toBeLessThan(10);
    cluster.slow('n1', 'n2', 150);
    expect(await took()).toBeGreaterThan(299);
    cluster.heal();
    await cluster.run(1_000);
    expect(await took()).toBeLessThan(10);
    for (const { id } of cluster.nodes) cluster.slowDisk(id, 200);
    const from = cluster.now();
    await add(cluster, 'n1', 'a');
    expect(cluster.now() - from).toBeGreaterThan(20);
    const times: number[] = [];
    const watch = cluster.node('n3').spawn(fromTransition(() => void times.push(Date.now()), undefined));
    watch.send({ type: 'look' });
    await cluster.run(10);
    cluster.jumpClock('n3', 3_600_000);
    watch.send({ type: 'look' });
    await cluster.run(10);
    expect(Math.round((times[1]! - times[0]!) / 60_000)).toBe(60);
  });

  it('hands a node’s work over when it is stopped in order', async () => {
    const cluster = await started();
    await add(cluster, 'n1', 'a');
    await cluster.settle(cluster.stop('n1'));
    expect(cluster.node('n1').isUp).toBe(false);
    expect(
      cluster
        .node('n2')
        .members()
        .find(({ nodeId }) => nodeId === 'n1')!.state,
    ).toBe('left');
    expect(await add(cluster, 'n2', 'a')).toBe(2);
  });

  it('tells a watcher of an actor whose node dies, once', async () => {
    const cluster = await started();
    const target = cluster.node('n3').spawn(counter);
    const notices: Terminated[] = [];
    cluster
      .node('n1')
      .ref(target.address)
      .watch((notice) => notices.push(notice));
    await cluster.run(100);
    cluster.crash('n3');
    cluster.restart('n3');
    await cluster.run(5_000);
    expect(notices).toEqual([{ address: target.address, reason: 'node-lost' }]);
  });

  it.each(['model', 'files'] as const)('keeps logs in %s', async (disks) => {
    const cluster = await started({ disks });
    expect(await add(cluster, 'n1', 'a')).toBe(1);
    for (const { id } of cluster.nodes) cluster.restart(id);
    await cluster.untilWhole();
    expect(await add(cluster, 'n1', 'a')).toBe(2);
  });
});

describe('an invariant', () => {
  it('ends the run at the event that breaks it, with its name, the time and the seed', async () => {
    const cluster = await started({ seed: 5 });
    let count = 0;
    cluster.invariant('never three', () => count < 3 || `it is ${count}`);
    for (const at of [100, 200, 300, 400]) cluster.after(at, () => void count++);
    const from = Math.round(cluster.now());
    const error = await cluster.run(1_000).catch((thrown: unknown) => thrown);
    expect(isTuttiError(error, 'TUTTI_INVARIANT_BROKEN') && error.details).toMatchObject({
      name: 'never three',
      problem: 'it is 3',
      seed: 5,
    });
    expect(Math.round(cluster.now()) - from).toBeLessThanOrEqual(301);
    expect(cluster.trace().lines.at(-1)).toContain('never three');
    await expect(cluster.run(1)).rejects.toBe(error);
  });

  it('is not the only thing that ends a run: so does what nobody catches', async () => {
    const cluster = createTestCluster({
      nodes: 1,
      setup: (node) => {
        node.spawn(
          fromCallback(() => {
            setTimeout(() => {
              throw new Error('into the void');
            }, 500);
          }),
        );
      },
    });
    await cluster.start();
    const error = await cluster.run(1_000).catch((thrown: unknown) => thrown);
    expect(isTuttiError(error, 'TUTTI_TEST_NODE_FAILED') && error.details).toMatchObject({
      node: 'n1',
      problem: 'into the void',
    });
  });
});

it('that runs at the same time as another is not failed by what nobody catches there', async () => {
  // The test runner's own would take it for a failure.
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  try {
    const [one, two] = [createTestCluster({ nodes: 1 }), createTestCluster({ nodes: 1 })];
    await one.start();
    await two.start();
    const reject = () => void Promise.reject(new Error('of one'));
    one.node('n1').spawn(fromCallback(() => void setTimeout(reject, 50)));
    const ends = await Promise.allSettled([one.run(1_000), two.run(1_000)]);
    expect(ends).toMatchObject([
      { status: 'rejected', reason: { code: 'TUTTI_TEST_NODE_FAILED', details: { problem: 'of one' } } },
      { status: 'fulfilled' },
    ]);
  } finally {
    for (const each of others) process.on('unhandledRejection', each);
  }
});

it('rules over what a module has taken at its import, and leaves it alone outside', async () => {
  const { sleep, nextTurn, later, now, random } = await import('./fixtures/taken-at-import.ts');
  async function run(): Promise<readonly unknown[]> {
    const cluster = createTestCluster({ nodes: 1, seed: 3 });
    await cluster.start();
    const seen: unknown[] = [];
    const taking = fromPromise(async () => {
      const from = now();
      seen.push(await sleep(1_000, 'slept'), now() - from, random(), await nextTurn('turned'));
      later(() => seen.push(now() - from), 500);
    });
    cluster.node('n1').spawn(taking);
    await cluster.run(1_400);
    expect(seen).toMatchObject(['slept', 1_000, expect.any(Number), 'turned']);
    await cluster.run(200);
    expect(Math.abs((seen[4] as number) - 1_500)).toBeLessThanOrEqual(2);
    return seen;
  }
  expect(await run()).toEqual(await run());
  expect(await sleep(1, 'awake')).toBe('awake');
  expect(await nextTurn('turned')).toBe('turned');
  await new Promise<void>((resolve) => void later(resolve, 1));
});

describe('the same seed', () => {
  let words: string[] = [];

  /** An actor that asks the process for everything that it should not. */
  const careless = fromCallback(() => {
    const timer = setInterval(() => {
      words.push(
        `${Date.now()} ${new Date().getHours()} ${Math.random()} ${crypto.randomUUID()} ${performance.now()}`,
      );
    }, 70);
    return () => clearInterval(timer);
  });

  async function run(seed: number) {
    words = [];
    const cluster = await started({
      seed,
      setup: (node) => {
        declare(node);
        node.spawn(careless);
      },
    });
    for (let round = 0; round < 6; round++) {
      const { id } = cluster.random.pick(cluster.nodes);
      if (round % 2 === 0) cluster.crash(id);
      else for (const node of cluster.nodes) if (!node.isUp) cluster.restart(node.id);
      for (const node of cluster.nodes) node.ref<CountEvent>('counter', 'a').send({ type: 'add' });
      await cluster.run(400);
    }
    return { trace: cluster.trace(), words };
  }

  it('gives the same run, event by event, also with code that asks the process for time and chance', async () => {
    const [one, same, other] = [await run(11), await run(11), await run(12)];
    expect(same.trace).toEqual(one.trace);
    expect(same.words).toEqual(one.words);
    expect(one.words.length).toBeGreaterThan(20);
    expect(other.trace.hash).not.toBe(one.trace.hash);
  });

  it('leaves the process its own clock and dice outside of the runs', async () => {
    await run(1);
    expect(Math.abs(Date.now() - new Date().getTime())).toBeLessThan(1_000);
    expect(new Date().getFullYear()).toBeGreaterThanOrEqual(2026);
    expect(crypto.randomUUID()).not.toBe(crypto.randomUUID());
    expect(Date.name).toBe('Date');
  });
});

describe('a cluster that cannot be made', () => {
  it.each([{ nodes: 0 }, { nodes: 8 }, { nodes: ['a', 'a'] }, { nodes: [] }])(
    'of $nodes nodes is refused',
    ({ nodes }) => {
      expect(() => createTestCluster({ nodes })).toThrow(
        expect.objectContaining({ code: 'TUTTI_OPTION_INVALID' }),
      );
    },
  );

  it('names the nodes that there are when asked for another', () => {
    const cluster = createTestCluster();
    expect(() => cluster.node('n9')).toThrow(
      expect.objectContaining({ wayOut: 'The nodes are n1, n2, n3.' }),
    );
    expect(() => cluster.crash('n9')).toThrow(expect.objectContaining({ code: 'TUTTI_NODE_UNKNOWN' }));
  });
});

describe('waiting', () => {
  it('for what does not come is told', async () => {
    const cluster = await started({ nodes: 1 });
    await expect(cluster.until(() => false, 500)).rejects.toMatchObject({ code: 'TUTTI_TIMEOUT' });
  });

  it('works from inside of virtual time as from outside', async () => {
    const cluster = await started({ nodes: 1 });
    const times = await cluster.drive(async () => {
      const from = cluster.now();
      const wall = Date.now();
      await cluster.run(100);
      await cluster.sleep(50);
      await cluster.until(() => cluster.now() >= from + 200);
      return [cluster.now() - from, Date.now() - wall];
    });
    expect(times[0]).toBeGreaterThanOrEqual(200);
    expect(Math.abs(times[0]! - times[1]!)).toBeLessThanOrEqual(1);
    const ref: Ref<CountEvent> = cluster.node(0).ref('counter', 'z');
    expect(await cluster.drive(() => ref.ask({ type: 'add' }))).toBe(1);
  });

  it('by a timer outlives the node that was spoken to before', async () => {
    const cluster = await started({ nodes: 1 });
    const slept = cluster.drive(async () => {
      await cluster.node(0).ref<CountEvent>('counter', 'z').ask({ type: 'add' });
      const awake = new Promise((resolve) => setTimeout(resolve, 300));
      cluster.crash(0);
      await awake;
      return cluster.node(0).isUp;
    });
    expect(await slept).toBe(false);
  });
});
