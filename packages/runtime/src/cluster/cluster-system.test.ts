import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { reply } from '../actor/reply.ts';
import { ClusterHarness, type Declare } from '../testing/cluster-harness.ts';

type CounterEvent = { type: 'add'; by: number } | { type: 'read' };

const counter = setup({
  types: { context: {} as { total: number }, events: {} as CounterEvent },
}).createMachine({
  context: { total: 0 },
  on: {
    add: {
      actions: [
        assign({ total: ({ context, event }) => context.total + event.by }),
        reply(({ context }) => context.total),
      ],
    },
    read: { actions: reply(({ context }) => context.total) },
  },
});

const withCounter: Declare = (cluster) => {
  cluster.entity('counter', counter);
};

const NAMES = ['n1', 'n2', 'n3'];

function ask(harness: ClusterHarness, name: string, key: string, event: CounterEvent, timeoutMs = 5_000) {
  return harness.settle(
    harness.node(name).cluster.ref<CounterEvent>('counter', key).ask<number>(event, { timeoutMs }),
  );
}

/** The node whose activation of the key answers now. */
function ownerOf(harness: ClusterHarness, kind: string): string[] {
  return harness
    .living()
    .filter(({ cluster }) => (cluster.status().entities[kind] ?? 0) > 0)
    .map(({ nodeId }) => nodeId);
}

describe('a cluster of three nodes', () => {
  it('spreads the shards over all nodes and answers for a key from each', async () => {
    const harness = new ClusterHarness(NAMES, withCounter);
    await harness.start();
    for (const name of NAMES) await ask(harness, name, 'a', { type: 'add', by: 1 });
    expect(await ask(harness, 'n1', 'a', { type: 'read' })).toBe(3);
    expect(ownerOf(harness, 'counter')).toHaveLength(1);
  });

  it('goes on from the last committed state when the owner crashes', async () => {
    const harness = new ClusterHarness(NAMES, withCounter);
    await harness.start();
    await ask(harness, 'n1', 'a', { type: 'add', by: 41 });
    const [owner] = ownerOf(harness, 'counter');
    const other = NAMES.find((name) => name !== owner)!;
    const crashedAt = harness.clock.now();
    harness.crash(owner!);
    expect(await ask(harness, other, 'a', { type: 'add', by: 1 })).toBe(42);
    expect(harness.clock.now() - crashedAt).toBeLessThan(1_500);
  });

  it('moves a fair share of shards, with their state, to a node that joins late', async () => {
    const harness = new ClusterHarness(NAMES, withCounter);
    harness.boot('n1');
    harness.boot('n2');
    await harness.untilBalanced();
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    for (const key of keys)
      harness.node('n1').cluster.ref<CounterEvent>('counter', key).send({ type: 'add', by: 7 });
    await harness.pass(200);
    harness.boot('n3');
    await harness.untilBalanced();
    const totals = await Promise.all(keys.map((key) => ask(harness, 'n3', key, { type: 'read' })));
    expect(totals).toEqual(keys.map(() => 7));
    expect(harness.node('n3').cluster.status().entities['counter']).toBeGreaterThan(3);
  });
});
