import { describe, expect, test } from 'vitest';
import {
  type AnyActorRef,
  type AnyStateMachine,
  assign,
  createActor,
  createMachine,
  type Snapshot,
  sendTo,
  setup,
} from 'xstate';
import type { ClusterSystem } from '../cluster/cluster-system.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { reply } from './reply.ts';

/** What is persisted of a machine that runs in a cell, and goes on from there. */

function broken(): void {
  throw new Error('it was told to break');
}

type Parts = { readonly self: unknown };

/** A child that keeps its parent's ref, which it was given as input, and tells it what it hears. */
const confiding = createMachine({
  context: ({ input }) => ({ parent: (input as { parent?: AnyActorRef } | undefined)?.parent }),
  on: { PING: { actions: sendTo(({ context }) => context['parent'] as AnyActorRef, { type: 'PONG' }) } },
});

const plus =
  (more: number) =>
  ({ context }: { context: Record<string, unknown> }) =>
    Number(context['n']) + more;

/** A machine that keeps its own ref, deep in its context, and gives it to its child. */
const knowing: AnyStateMachine = setup({ actors: { confiding } }).createMachine({
  context: ({ self }: Parts) => ({ n: 0, known: [{ self }] }),
  invoke: { src: 'confiding', id: 'child', input: ({ self }: Parts) => ({ parent: self }) },
  on: {
    ADD: { actions: [assign({ n: plus(1) }), reply(({ context }) => context['n'])] },
    PING: { actions: sendTo('child', { type: 'PING' }) },
    PONG: { actions: assign({ n: plus(100) }) },
    BREAK: { actions: broken },
  },
});

describe('refs in a context', () => {
  test('its own, and the one that a child has of its parent, are persisted as under createActor', () => {
    const actor = createActor(knowing, { id: 'm' }).start();
    const { system, advance } = createTestSystem();
    const ref = system.spawn(knowing, { id: 'm' });
    let last: Snapshot<unknown> | undefined;
    ref.subscribe((snapshot: Snapshot<unknown>) => (last = snapshot));
    for (const type of ['ADD', 'PING', 'ADD']) {
      actor.send({ type });
      ref.send({ type });
    }
    advance();
    const persisted: unknown = JSON.parse(JSON.stringify(actor.getPersistedSnapshot()));
    expect(JSON.parse(JSON.stringify(knowing.getPersistedSnapshot(last as never)))).toEqual(persisted);
    expect(persisted).toMatchObject({
      context: { n: 102, known: [{ self: { xstate$$type: 1, id: 'm' } }] },
      children: { child: { snapshot: { context: { parent: { xstate$$type: 1, id: 'm' } } } } },
    });
  });

  test('such a machine is restarted from its snapshot', () => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(knowing, { supervise: { restartFrom: 'snapshot' } });
    for (const type of ['ADD', 'ADD', 'BREAK', 'ADD']) ref.send({ type });
    let n: unknown;
    ref.subscribe(({ context }: { context: { n: number } }) => ({ n } = context));
    advance();
    expect(n).toBe(3);
  });

  test('as an entity it is committed', async () => {
    const nodes = ['n1', 'n2', 'n3'];
    const harness = new ClusterHarness(nodes, (cluster) => void cluster.entity('knowing', knowing));
    await harness.start();
    const { cluster } = harness.node('n1');
    expect(await harness.settle(cluster.ref('knowing', 'x').ask({ type: 'ADD' }))).toBe(1);
  });
});

describe('a child that waits for a delay', () => {
  /** Comes to its end after two seconds, or when a child of its own does, and so on. */
  const sleeper = (depth: number): AnyStateMachine =>
    depth === 0
      ? createMachine(
          { initial: 'sleeps', states: { sleeps: { after: { nap: 'awake' } }, awake: { type: 'final' } } },
          { delays: { nap: () => 2_000 } },
        )
      : setup({ actors: { child: sleeper(depth - 1) } }).createMachine({
          initial: 'waits',
          states: { waits: { invoke: { src: 'child', onDone: 'awake' } }, awake: { type: 'final' } },
        });

  /** A machine that waits for such a child. */
  const waiting = (depth: number) =>
    setup({ actors: { sleeper: sleeper(depth) } }).createMachine({
      initial: 'idle',
      context: { isOver: false },
      states: {
        idle: { on: { GO: { target: 'waits', actions: reply('waits') } } },
        waits: { invoke: { src: 'sleeper', onDone: 'over' } },
        over: { entry: assign({ isOver: true }) },
      },
      on: { BREAK: { actions: broken }, READ: { actions: reply(({ context }) => context.isOver) } },
    });

  test.each([0, 1, 3])('has it begin anew when its machine is restored, %i below', async (depth) => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(waiting(depth), { supervise: { restartFrom: 'snapshot' } });
    ref.send({ type: 'GO' });
    advance(1_500);
    ref.send({ type: 'BREAK' });
    const answers: Promise<unknown>[] = [];
    for (const ms of [1_999, 1]) {
      advance(ms);
      answers.push(ref.ask({ type: 'READ' }));
    }
    advance();
    expect(await Promise.all(answers)).toEqual([false, true]);
  });

  test('has it begin anew when the owner of its entity crashes', async () => {
    const machine = waiting(1);
    const declare = (cluster: ClusterSystem) => void cluster.entity('waiting', machine, { remember: true });
    const harness = new ClusterHarness(['n1', 'n2', 'n3'], declare);
    await harness.start();
    const ask = (at: string, type: string) =>
      harness.settle(harness.node(at).cluster.ref('waiting', 'x').ask({ type }));
    await ask('n1', 'GO');
    const owner = harness.living().find(({ cluster }) => cluster.status().entities['waiting'] === 1)!;
    harness.crash(owner.nodeId);
    await harness.pass(20_000);
    expect(await ask(harness.living()[0]!.nodeId, 'READ')).toBe(true);
  });
});
