import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { reply, replying } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';

const NAMES = ['n1', 'n2', 'n3'];

describe('shards that move while the buffers of those who send are full', () => {
  it('lose nothing that was taken, keep its order, and count what was not', async () => {
    type Numbered = { type: 'take'; from: string; n: number } | { type: 'read' };
    type Taken = Readonly<Record<string, readonly number[]>>;
    const collector = replying<Taken, Numbered>((taken, event, answer) => {
      if (event.type === 'take') return { ...taken, [event.from]: [...(taken[event.from] ?? []), event.n] };
      answer(taken);
      return taken;
    }, {});
    const harness = new ClusterHarness(NAMES, (cluster) => void cluster.entity('collector', collector), {
      bufferMax: 5,
    });
    for (const name of ['n1', 'n2']) harness.boot(name);
    await harness.untilBalanced();
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    harness.boot('n3');
    let n = 0;
    for (const end = harness.clock.now() + 300; harness.clock.now() < end; await harness.pass(1)) {
      n++;
      for (const from of ['n1', 'n2'])
        for (const key of keys)
          harness.node(from).cluster.ref<Numbered>('collector', key).send({ type: 'take', from, n });
    }
    await harness.untilBalanced();
    await harness.pass(1_000);
    const refused = NAMES.map(
      (name) => harness.node(name).system.deadLetters.counts()['overflow-new'] ?? 0,
    ).reduce((sum, count) => sum + count);
    expect(harness.node('n3').cluster.status().entities['collector']).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
    const lists: (readonly number[])[] = [];
    for (const key of keys) {
      const ref = harness.node('n1').cluster.ref<Numbered>('collector', key);
      lists.push(...Object.values(await harness.settle(ref.ask<Taken>({ type: 'read' }))));
    }
    for (const list of lists) expect(list).toEqual([...new Set(list)].toSorted((a, b) => a - b));
    expect(lists.flat().length + refused).toBe(2 * n * keys.length);
  });
});

describe('a singleton whose node leaves in order', () => {
  it('goes on elsewhere without two of them ever acting, and nobody who asks it notices', async () => {
    const acts: string[] = [];
    const harness = new ClusterHarness(NAMES, (cluster, node) => {
      const master = setup({ actions: { act: () => void acts.push(node) } }).createMachine({
        initial: 'ticking',
        states: {
          ticking: {
            entry: 'act',
            after: { 5: { target: 'ticking', reenter: true } },
            on: { where: { actions: ['act', reply(node)] } },
          },
        },
      });
      cluster.entity('master', master, { singleton: true, durable: false });
    });
    await harness.start();
    await harness.pass(500);
    const first = acts.at(-1)!;
    const asker = NAMES.find((name) => name !== first)!;
    const asks: Promise<unknown>[] = [];
    const stopped = harness.node(first).cluster.stop();
    for (let round = 0; round < 100; round++) {
      const ref = harness.node(asker).cluster.ref('master', 'singleton');
      asks.push(ref.ask({ type: 'where' }, { timeoutMs: 3_000 }));
      await harness.pass(3);
    }
    await harness.settle(stopped);
    const answers = await harness.settle(Promise.all(asks));
    expect(new Set(answers).size, 'the old place and the new one').toBe(2);
    const turns = acts.slice(acts.indexOf(first)).filter((node, at, all) => node !== all[at - 1]);
    expect(turns).toHaveLength(2);
  });
});
