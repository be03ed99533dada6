import { isTuttiError } from '@tutti/kernel';
import { type Ref, reply, type Terminated, threaded } from '@tutti/runtime';
import { describe, expect, it } from 'vitest';
import { assign, type EventObject, fromTransition, setup } from 'xstate';
import * as given from '../threads/fixtures/heavy.ts';
import { type ClusterTest, createTestCluster, runClusterTest } from './index.ts';
import type { TestClusterOptions } from './test-cluster-options.ts';

const heavy = new URL('../threads/fixtures/heavy.ts', import.meta.url);
const errands = new URL('./fixtures/errands.ts', import.meta.url);

const counter = setup({
  types: { context: {} as { count: number }, events: {} as { type: 'add' } },
}).createMachine({
  context: { count: 0 },
  on: {
    add: {
      actions: [assign({ count: ({ context }) => context.count + 1 }), reply(({ context }) => context.count)],
    },
  },
});

async function started(options: TestClusterOptions = {}) {
  const cluster = createTestCluster({
    cluster: { shards: 16 },
    setup: (node) => {
      node.entity('counter', counter);
    },
    ...options,
  });
  await cluster.start();
  const place = (node: string, rest: object = {}): Ref =>
    cluster.node(node).spawn(threaded(heavy, { export: 'heavy' }), rest) as Ref;
  const read = (ref: Ref, node = 'n1') =>
    cluster.settle(cluster.node(node).ref(ref.address).ask({ type: 'read' }, { timeoutMs: 60_000 }));
  const add = (ref: Ref, n: number, node = 'n1') =>
    cluster
      .node(node)
      .ref(ref.address)
      .send({ type: 'add', n } as EventObject);
  return { cluster, place, read, add };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => (isTuttiError(error) ? error.code : error),
  );

describe('an actor on a thread of a test cluster', () => {
  it('is imported as it is, and reached from every node', async () => {
    const { cluster, place, read, add } = await started();
    const ref = place('n1', { id: 'heavy' });
    add(ref, 1, 'n2');
    expect(await read(ref, 'n2')).toEqual([1]);
    add(ref, 2, 'n3');
    expect(await read(ref, 'n3')).toEqual([1, 2]);
    expect(cluster.node('n1').tree()).toMatchObject([{ path: 'heavy', logic: 'heavy', thread: 1 }]);
    expect(cluster.node('n1').threads).toHaveLength(1);
    expect(cluster.node('n2').threads).toEqual([]);
  });

  it('keeps the order of what it is sent, however long each message is on its way', async () => {
    const { cluster, place, read } = await started({ nodes: 1 });
    const ref = place('n1');
    await read(ref);
    const numbers = Array.from({ length: 100 }, (_, at) => at);
    for (const n of numbers) {
      ref.send({ type: 'add', n } as EventObject);
      await cluster.run(0.01);
    }
    expect(await read(ref)).toEqual(numbers);
  });

  it('gets copies, as structured cloning makes them, and no functions', async () => {
    const { cluster, place, read } = await started({ nodes: 1 });
    const ref = place('n1');
    const event = { type: 'add', n: 1 };
    ref.send(event);
    await read(ref);
    event.n = 2;
    expect(await read(ref)).toEqual([1]);
    const odd = ref.ask({ type: 'add', n: () => 3 } as EventObject);
    expect(await cluster.settle(codeOf(odd))).toBe('TUTTI_THREAD_VALUE');
  });

  it('works with entities of the cluster, on virtual time', async () => {
    const { cluster } = await started();
    const seen: EventObject[] = [];
    const back = cluster
      .node('n1')
      .spawn(fromTransition((_: undefined, event: EventObject) => void seen.push(event), undefined));
    const runner: Ref = cluster.node('n1').spawn(threaded(errands, { export: 'errands' }));
    const from = cluster.now();
    for (const key of ['a', 'b', 'a'])
      runner.send({ type: 'run', to: cluster.node('n1').ref('counter', key), back } as EventObject);
    await cluster.until(() => seen.length === 3);
    const counts = seen.map((event) => (event as EventObject & { count: number }).count);
    expect(counts.toSorted((a, b) => a - b)).toEqual([1, 1, 2]);
    expect(cluster.now() - from).toBeGreaterThan(1);
    expect(cluster.now() - from).toBeLessThan(5_000);
  });

  it('takes what `modules` has for it, and fails when there is none', async () => {
    const { cluster } = await started({ nodes: 1, threads: { modules: { 'given:heavy': given } } });
    const ref: Ref = cluster.node('n1').spawn(threaded('given:heavy', { export: 'heavy' }));
    expect(await cluster.settle(ref.ask({ type: 'read' }))).toEqual([]);
    const nowhere = new URL('./fixtures/nowhere.ts', import.meta.url);
    const lost: Ref = cluster.node('n1').spawn(threaded(nowhere), { supervise: false });
    const notice = await cluster.settle(new Promise<Terminated>((resolve) => void lost.watch(resolve)));
    expect(notice).toMatchObject({ reason: 'failed', problem: expect.stringMatching(/cannot be had from/) });
  });
});

describe('the threads of a test cluster', () => {
  it('can be crashed: the actor begins again on another, and what was in it is a dead letter', async () => {
    const { cluster, place, read, add } = await started();
    const ref = place('n2');
    expect(await read(ref)).toEqual([]);
    const [thread] = cluster.node('n2').threads;
    thread!.block();
    add(ref, 1);
    await cluster.run(50);
    thread!.crash('out of memory');
    add(ref, 2);
    expect(await read(ref)).toEqual([2]);
    expect(thread!.isOver).toBe(true);
    expect(cluster.node('n2').threads.map(({ number }) => number)).toEqual([2]);
    expect(cluster.node('n2').parts!.system.deadLetters.counts()['thread-lost']).toBe(1);
  });

  it('end with their process, and a watcher on another node is told once', async () => {
    const { cluster, place, read } = await started();
    const ref = place('n3');
    expect(await read(ref)).toEqual([]);
    const notices: Terminated[] = [];
    cluster
      .node('n1')
      .ref(ref.address)
      .watch((notice) => notices.push(notice));
    await cluster.run(100);
    cluster.restart('n3');
    expect(cluster.node('n3').threads).toEqual([]);
    await cluster.run(5_000);
    expect(notices).toEqual([{ address: ref.address, reason: 'node-lost' }]);
    expect(await read(place('n3'))).toEqual([]);
    expect(cluster.node('n3').threads.map(({ number }) => number)).toEqual([1]);
  });

  it('are not taken for hung because their whole process stood still', async () => {
    const { cluster, place, read, add } = await started({ nodes: 1, threads: { hangMs: 10_000 } });
    const ref = place('n1');
    add(ref, 1);
    expect(await read(ref)).toEqual([1]);
    // It is asked every ten seconds; computes from the fifth; and is suspended with its node after the tenth.
    await cluster.run(5_000);
    const [thread] = cluster.node('n1').threads;
    thread!.block();
    await cluster.run(8_000);
    cluster.pause('n1');
    await cluster.run(60_000);
    cluster.resume('n1');
    await cluster.run(1_000);
    thread!.goOn();
    expect(await read(ref)).toEqual([1]);
    expect(thread!.isOver).toBe(false);
    thread!.block();
    await cluster.run(25_000);
    expect(thread!.isOver).toBe(true);
  });

  it('make the same run of the same seed, whatever is done to them, and another of another', async () => {
    const run = async (seed: number) => {
      const { cluster, place, add } = await started({ seed });
      const words: string[] = [];
      const note = (_: undefined, event: EventObject): undefined => void words.push(JSON.stringify(event));
      const back = cluster.node('n1').spawn(fromTransition(note, undefined));
      const supervise = { intensity: { restarts: 100, withinMs: 1_000 } };
      const runner: Ref = cluster.node('n1').spawn(threaded(errands, { export: 'errands' }), { supervise });
      const ref = place('n1', { supervise });
      for (let round = 0; round < 30; round++) {
        add(ref, round, cluster.random.pick(cluster.nodes).id);
        runner.send({ type: 'run', to: cluster.node('n1').ref('counter', 'a'), back } as EventObject);
        if (cluster.random.float() < 0.2) cluster.node('n1').threads[0]?.crash();
        await cluster.run(cluster.random.float() * 30);
      }
      return { words, trace: cluster.trace() };
    };
    const [one, same, other] = [await run(5), await run(5), await run(6)];
    expect(same).toEqual(one);
    expect(one.words.length).toBeGreaterThan(5);
    expect(other.trace.hash).not.toBe(one.trace.hash);
  });

  it('are there in a test that searches seeds', async () => {
    const report = await runClusterTest(
      {
        nodes: 1,
        durationMs: 500,
        faults: [],
        threads: { size: 1, modules: { 'given:heavy': given } },
        workload: async (cluster) => {
          const ref: Ref = cluster.node('n1').spawn(threaded('given:heavy', { export: 'heavy' }));
          expect(await ref.ask({ type: 'read' })).toEqual([]);
        },
      },
      { seed: 1 },
    );
    expect(report.failure).toBeUndefined();
  });

  it.each(['thread-crash', 'thread-hang'] as const)('have %s come over them there', async (kind) => {
    let restarts = 0;
    let slowestMs = 0;
    const test: ClusterTest = {
      nodes: 1,
      durationMs: 5_000,
      faults: [kind],
      faultEveryMs: 300,
      threads: { size: 1, modules: { 'given:heavy': given } },
      workload: async (cluster) => {
        const intensity = { restarts: 1_000, withinMs: 1_000 };
        const logic = threaded('given:heavy', { export: 'heavy' });
        const ref: Ref = cluster.node('n1').spawn(logic, { supervise: { intensity } });
        for (let asked = 0; asked < 100; asked++) {
          const from = cluster.now();
          await ref.ask({ type: 'read' }, { timeoutMs: 30_000 }).catch(() => {});
          slowestMs = Math.max(slowestMs, cluster.now() - from);
          await cluster.sleep(40);
        }
        restarts = cluster.node('n1').tree()[0]!.restarts;
      },
    };
    const report = await runClusterTest(test, { seed: 1 });
    expect(report.failure).toBeUndefined();
    expect(restarts > 0).toBe(kind === 'thread-crash');
    expect(slowestMs > 4).toBe(kind === 'thread-hang');
  });
});
