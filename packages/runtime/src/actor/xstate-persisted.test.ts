import { describe, expect, test } from 'vitest';
import {
  type AnyActorRef,
  type AnyStateMachine,
  assign,
  createActor,
  type Snapshot,
  sendTo,
  setup,
} from 'xstate';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { reply } from './reply.ts';

/** What is persisted of a machine that runs in a cell, and goes on from there. */

function broken(): void {
  throw new Error('it was told to break');
}

type Parts = { readonly self: unknown };

/** A child that keeps its parent's ref, which it was given as input, and tells it what it hears. */
const confiding = setup({ types: {} as { context: { parent: AnyActorRef | undefined } } }).createMachine({
  context: ({ input }) => ({ parent: (input as { parent?: AnyActorRef } | undefined)?.parent }),
  on: { PING: { actions: sendTo(({ context }) => context.parent!, { type: 'PONG' }) } },
});

/** A machine that keeps its own ref, deep in its context, and gives it to its child. */
const knowing: AnyStateMachine = setup({
  types: {} as { context: { n: number; known: { self: unknown }[] } },
  actors: { confiding },
}).createMachine({
  context: ({ self }: Parts) => ({ n: 0, known: [{ self }] }),
  invoke: { src: 'confiding', id: 'child', input: ({ self }: Parts) => ({ parent: self }) },
  on: {
    ADD: { actions: [assign({ n: ({ context }) => context.n + 1 }), reply(({ context }) => context.n)] },
    PING: { actions: sendTo('child', { type: 'PING' }) },
    PONG: { actions: assign({ n: ({ context }) => context.n + 100 }) },
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
