import { nodeId, silentLogger, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { replying } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { CoordinatedShutdown, SHUTDOWN_PHASES } from './coordinated-shutdown.ts';

const NAMES = ['n1', 'n2', 'n3'];

type Event = { type: 'add'; by: number } | { type: 'read' };
const counter = replying<number, Event>((total, event, answer) => {
  const next = event.type === 'add' ? total + event.by : total;
  answer(next);
  return next;
}, 0);

describe('the stop of a node', () => {
  async function started(config = {}) {
    const harness = new ClusterHarness(NAMES, (cluster) => void cluster.entity('c', counter), config);
    await harness.start();
    return harness;
  }

  it('goes through its phases in order, each with what the phase before has done', async () => {
    const harness = await started();
    const { cluster } = harness.node('n2');
    const ref = harness.node('n1').cluster.ref<Event>('c', 'a');
    await harness.settle(ref.ask({ type: 'add', by: 1 }));
    const seen: [string, string | undefined, number][] = [];
    const lastSaid = () =>
      harness.log.entries
        .map(({ module, command }) => ({
          module,
          ...(JSON.parse(command) as { type: string; nodeId: string }),
        }))
        .findLast(({ module, nodeId: node }) => module === 'membership' && node === 'n2')?.type;
    for (const phase of SHUTDOWN_PHASES)
      cluster.onStop(
        phase,
        'look',
        () => void seen.push([phase, lastSaid(), cluster.status().shards['n2'] ?? 0]),
      );
    const owned = cluster.status().shards['n2']!;
    await harness.settle(cluster.stop());
    await harness.pass(100);
    expect(seen).toEqual([
      ['unbind', 'join', owned],
      ['hand-over', 'join', owned],
      ['stop-actors', 'leave', 0],
      ['leave', 'leave', 0],
      ['close', 'left', 0],
    ]);
    expect(await harness.settle(ref.ask({ type: 'read' }))).toBe(1);
  });

  it('takes no longer for tasks that hang or fail than a phase may', async () => {
    const harness = await started({ phaseMs: 500 });
    const { cluster } = harness.node('n2');
    cluster.onStop('unbind', 'hang', () => new Promise(() => {}));
    cluster.onStop('unbind', 'fail', () => Promise.reject(new Error('no such door')));
    cluster.onStop('leave', 'throw', () => {
      throw new Error('at once');
    });
    const taken = cluster.onStop('unbind', 'taken back', () => expect.unreachable());
    taken();
    const from = harness.clock.now();
    await harness.settle(cluster.stop());
    expect(harness.clock.now() - from).toBeGreaterThanOrEqual(500);
    expect(harness.clock.now() - from).toBeLessThan(1_500);
    await harness.pass(100);
    expect(
      harness
        .node('n1')
        .cluster.status()
        .members.find(({ nodeId: node }) => node === 'n2')?.state,
    ).toBe('left');
  });

  it('ends the asks that it has not answered: they do not wait for their time', async () => {
    const harness = await started();
    const { cluster } = harness.node('n1');
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await harness.settle(
      Promise.all(keys.map((key) => cluster.ref<Event>('c', key).ask({ type: 'add', by: 1 }))),
    );
    // What n2 answers does not arrive any more.
    harness.network.mute(nodeId('n2'), nodeId('n1'));
    const asks = keys.map((key) =>
      cluster
        .ref<Event>('c', key)
        .ask({ type: 'read' }, { timeoutMs: 60_000 })
        .catch((thrown: unknown) => thrown),
    );
    await harness.pass(5);
    await harness.settle(harness.node('n2').cluster.stop());
    harness.crash('n2');
    const answers = await harness.settle(Promise.all(asks), 5_000);
    const failed = answers.filter((answer) => answer !== 1);
    expect(failed.length).toBeGreaterThan(0);
    for (const failure of failed) expect(failure).toMatchObject({ code: 'TUTTI_NODE_UNREACHABLE' });
  });

  it('runs the tasks of a phase side by side, and each phase only when the one before is over', async () => {
    const clock = new VirtualClock(0);
    const shutdown = new CoordinatedShutdown({ clock, logger: silentLogger, phaseMs: 1_000 });
    const order: string[] = [];
    const slow = (name: string, ms: number) => () =>
      new Promise<void>((resolve) => {
        order.push(`${name} begins`);
        clock.setTimer(ms, () => {
          order.push(`${name} ends`);
          resolve();
        });
      });
    shutdown.add('unbind', 'a', slow('a', 20));
    shutdown.add('unbind', 'b', slow('b', 10));
    const run = shutdown.run('unbind', slow('own', 5)).then(() => shutdown.run('close', slow('close', 1)));
    for (let i = 0; i < 20; i++) {
      clock.advance(10);
      await Promise.resolve().then(() => {});
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await run;
    expect(order).toEqual([
      'a begins',
      'b begins',
      'b ends',
      'a ends',
      'own begins',
      'own ends',
      'close begins',
      'close ends',
    ]);
    expect(shutdown.phase).toBe('close');
  });
});

describe('a hand-over whose time is over', () => {
  it('ends what still runs with its turn: nothing is lost, and nothing happens twice', async () => {
    const harness = new ClusterHarness(NAMES, (cluster) => void cluster.entity('c', counter), {
      handOverMs: 1,
      settleMs: 1,
    });
    harness.boot('n1');
    harness.boot('n2');
    await harness.untilBalanced();
    const keys = Array.from({ length: 8 }, (_, i) => `k${i}`);
    const acked = new Map<string, number>();
    const failed: unknown[] = [];
    const asks: Promise<unknown>[] = [];
    const load = () => {
      for (const key of keys) {
        const asked = harness
          .node('n1')
          .cluster.ref<Event>('c', key)
          .ask({ type: 'add', by: 1 }, { timeoutMs: 5_000 });
        asks.push(
          asked.then(
            () => acked.set(key, (acked.get(key) ?? 0) + 1),
            (thrown: unknown) => failed.push(thrown),
          ),
        );
      }
    };
    harness.boot('n3');
    for (let i = 0; i < 200; i++) {
      load();
      await harness.pass(2);
    }
    await harness.settle(Promise.all(asks));
    await harness.untilBalanced();
    const { cluster } = harness.node('n2');
    const totals = await harness.settle(
      Promise.all(keys.map((key) => cluster.ref<Event>('c', key).ask<number>({ type: 'read' }))),
    );
    keys.forEach((key, at) => {
      expect(totals[at]).toBe(200);
      expect(acked.get(key)).toBe(200);
    });
    expect(failed).toEqual([]);
  });
});
