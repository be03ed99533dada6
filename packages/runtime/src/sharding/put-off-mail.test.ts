import type { NodeId } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { reply } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import type { EntityOptions } from './entity-options.ts';

type GateEvent = { type: 'open' } | { type: 'close' } | { type: 'pass'; number: number };

/** Lets nobody pass while it is closed: who comes meanwhile waits. */
function gate(passed: number[]) {
  return setup({ types: { events: {} as GateEvent, input: {} } }).createMachine({
    id: 'gate',
    initial: 'closed',
    states: {
      closed: { meta: { defer: ['pass'] }, on: { open: 'open' } },
      open: {
        on: {
          close: 'closed',
          pass: { actions: [({ event }) => passed.push(event.number), reply(({ event }) => event.number)] },
        },
      },
    },
  });
}

async function started(names: readonly string[], options: EntityOptions = {}) {
  const passed: number[] = [];
  let activations = 0;
  const logic = gate(passed);
  const harness = new ClusterHarness(names, (cluster) => {
    cluster.entity('gate', logic, { ...options, input: () => ({ activation: ++activations }) });
  });
  await harness.start();
  const ref = (key: string, through = names[0]!) => harness.node(through).cluster.ref<GateEvent>('gate', key);
  const alive = () =>
    harness.living().reduce((sum, { cluster }) => sum + (cluster.status().entities['gate'] ?? 0), 0);
  return { harness, ref, passed, alive, activations: () => activations };
}

const NUMBERS = [1, 2, 3];
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];

describe('messages that the state of an entity puts off', () => {
  it('keep it awake when it would go to sleep for idleness, until they have been handled', async () => {
    const { harness, ref, alive, activations } = await started(['n1'], { passivateAfterMs: 100 });
    const asks = NUMBERS.map((number) =>
      ref('a').ask<number>({ type: 'pass', number }, { timeoutMs: 30_000 }),
    );
    await harness.pass(5_000);
    expect([alive(), activations()]).toEqual([1, 1]);
    ref('a').send({ type: 'open' });
    expect(await harness.settle(Promise.all(asks))).toEqual(NUMBERS);
    await harness.pass(1_000);
    expect(alive()).toBe(0);
  });

  it('keep their numbers when they are passed on, so that what comes again is not handled twice', async () => {
    const { harness, ref, passed } = await started(['n1']);
    const channel = harness.node('n1').system.reliable(ref('a'));
    const sent = Promise.all(NUMBERS.map((number) => channel.send({ type: 'pass', number })));
    await harness.pass(100);
    await harness.settle(ref('a').stop());
    await harness.pass(100);
    ref('a').send({ type: 'open' });
    await harness.settle(sent);
    await harness.pass(10_000);
    expect(passed).toEqual(NUMBERS);
  });

  it('keep it awake when there are too many, while others go to sleep in its place', async () => {
    const { harness, ref, alive } = await started(['n1'], { activeMax: 2 });
    const keys = ['a', 'b', 'c', 'd'];
    const asks = keys.map((key, number) =>
      ref(key).ask<number>({ type: 'pass', number }, { timeoutMs: 30_000 }),
    );
    await harness.pass(100);
    for (let round = 0; round < 3; round++)
      for (const key of ['x', 'y', 'z']) {
        ref(key).send({ type: 'close' });
        await harness.pass(100);
        expect(alive(), 'the four, and the one used last').toBe(5);
      }
    for (const key of keys) ref(key).send({ type: 'open' });
    expect(await harness.settle(Promise.all(asks))).toEqual([0, 1, 2, 3]);
    ref('x').send({ type: 'close' });
    await harness.pass(100);
    expect(alive()).toBe(2);
  });

  it('go to the next activation, in their order and before what came later, when it is stopped', async () => {
    const { harness, ref, passed } = await started(['n1', 'n2', 'n3']);
    for (const number of NUMBERS) ref('a').send({ type: 'pass', number });
    await harness.pass(200);
    void ref('a').stop();
    ref('a').send({ type: 'pass', number: 4 });
    await harness.pass(500);
    ref('a').send({ type: 'open' });
    await harness.pass(200);
    expect(passed).toEqual([1, 2, 3, 4]);
  });

  it('go along to the next owner when the shard is handed over', async () => {
    const { harness, ref, passed, alive } = await started(['n1', 'n2', 'n3']);
    const asks = KEYS.map((key, number) =>
      ref(key, 'n2').ask<number>({ type: 'pass', number }, { timeoutMs: 30_000 }),
    );
    await harness.pass(200);
    const held = harness.node('n1').cluster.status().entities['gate'] ?? 0;
    expect(held).toBeGreaterThan(0);
    await harness.settle(harness.node('n1').cluster.drain());
    await harness.pass(500);
    expect(harness.node('n1').cluster.status().entities['gate'] ?? 0).toBe(0);
    expect(alive()).toBe(KEYS.length);
    for (const key of KEYS) ref(key, 'n2').send({ type: 'open' });
    expect(await harness.settle(Promise.all(asks))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(passed.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('are answered by the way they came, though the node that passed them on is being stopped', async () => {
    const { harness, ref, alive } = await started(['n1', 'n2', 'n3']);
    const asks = KEYS.map((key, number) =>
      ref(key, 'n2').ask<number>({ type: 'pass', number }, { timeoutMs: 30_000 }),
    );
    await harness.pass(200);
    expect(harness.node('n1').cluster.status().entities['gate'] ?? 0).toBeGreaterThan(0);
    const stopped = harness.node('n1').cluster.stop();
    await harness.pass(1_000);
    expect(alive()).toBe(KEYS.length);
    for (const key of KEYS) ref(key, 'n2').send({ type: 'open' });
    expect(await harness.settle(Promise.all(asks))).toEqual([0, 1, 2, 3, 4, 5]);
    await harness.settle(stopped, 1_000);
  });

  it('hold up the stop of a node that passed them on no longer than `drainMs`', async () => {
    const { harness, ref } = await started(['n1', 'n2', 'n3']);
    const asks = KEYS.map((key, number) =>
      ref(key, 'n2')
        .ask<number>({ type: 'pass', number }, { timeoutMs: 30_000 })
        .catch((thrown: unknown) => thrown),
    );
    await harness.pass(200);
    const moved = harness.node('n1').cluster.status().entities['gate'] ?? 0;
    expect(moved).toBeGreaterThan(0);
    let isStopped = false;
    void harness
      .node('n1')
      .cluster.stop()
      .then(() => (isStopped = true));
    await harness.pass(4_500);
    expect(isStopped).toBe(false);
    await harness.pass(1_000);
    expect(isStopped).toBe(true);
    harness.crash('n1');
    for (const key of KEYS) ref(key, 'n2').send({ type: 'open' });
    const answers = await harness.settle(Promise.all(asks));
    const failed = answers.filter((answer) => typeof answer !== 'number');
    expect(failed).toHaveLength(moved);
    for (const failure of failed) expect(failure).toMatchObject({ code: 'TUTTI_NODE_UNREACHABLE' });
  });

  it('hold up no stop for an asker whose node has died', async () => {
    const { harness, ref } = await started(['n1', 'n2', 'n3']);
    for (const [number, key] of KEYS.entries())
      void ref(key, 'n2').ask<number>({ type: 'pass', number }, { timeoutMs: 30_000 });
    await harness.pass(200);
    expect(harness.node('n1').cluster.status().entities['gate'] ?? 0).toBeGreaterThan(0);
    let isDrained = false;
    void harness
      .node('n1')
      .cluster.drain()
      .then(() => (isDrained = true));
    await harness.pass(1_000);
    expect(isDrained).toBe(false);
    harness.crash('n2');
    await harness.pass(20);
    expect(isDrained).toBe(true);
  });

  it('wait with a node that is being stopped until it has a link to their next owner', async () => {
    const { harness, ref } = await started(['n1', 'n2', 'n3']);
    const gatesOf = (name: string) => harness.node(name).cluster.status().entities['gate'] ?? 0;
    // The leader, since both others keep their links to it. It leaves, so that all that moves has the same next owner.
    const asker = harness.leader!;
    const [leaving, next] = harness.voters.filter((name) => name !== asker) as [NodeId, NodeId];
    await harness.settle(harness.node(asker).cluster.drain());
    const answers = Promise.allSettled(
      KEYS.map((key, number) => ref(key, asker).ask<number>({ type: 'pass', number }, { timeoutMs: 30_000 })),
    );
    await harness.pass(200);
    const moving = gatesOf(leaving);
    expect(moving).toBeGreaterThan(0);
    harness.network.cut(leaving, next);
    const stopped = harness.node(leaving).cluster.stop();
    // Longer than a stop takes otherwise, and too short for a suspicion.
    await harness.pass(150);
    expect([gatesOf(leaving), gatesOf(next)]).toEqual([0, KEYS.length - moving]);
    expect(harness.node(asker).cluster.status().moving).toBe(0);
    harness.network.healAll();
    await harness.pass(100);
    expect(gatesOf(next)).toBe(KEYS.length);
    for (const key of KEYS) ref(key, asker).send({ type: 'open' });
    expect(await harness.settle(answers)).toEqual(KEYS.map((_, value) => ({ status: 'fulfilled', value })));
    await harness.settle(stopped, 1_000);
  });
});
