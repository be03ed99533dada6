import { describe, expect, test } from 'vitest';
import {
  type AnyActorRef,
  assign,
  createMachine,
  type EventObject,
  fromCallback,
  sendTo,
  setup,
} from 'xstate';
import type { ClusterSystem } from '../cluster/cluster-system.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { threadWorld } from '../testing/thread-world.ts';
import type { Ref } from './ref.ts';
import { reply } from './reply.ts';

/** A `self` that is sent along is a ref wherever it comes to. */

interface Request extends EventObject {
  readonly replyTo: Ref;
}

const answering = createMachine({
  on: {
    PING: { actions: sendTo(({ event }) => (event as Request).replyTo as never, { type: 'PONG' } as never) },
  },
});

/** Asks with XState's idiom, and says how often it was answered. */
const asking = setup({ types: { context: {} as { server: Ref; pongs: number } } }).createMachine({
  context: ({ input }) => ({ server: input as Ref, pongs: 0 }),
  on: {
    GO: {
      actions: sendTo(
        ({ context }) => context.server as never,
        ({ self }) => ({ type: 'PING', replyTo: self }) as never,
      ),
    },
    PONG: { actions: assign({ pongs: ({ context }) => context.pongs + 1 }) },
    READ: { actions: reply(({ context }) => context.pongs) },
  },
});

/** Keeps whoever it is sent, and hands out whom it has. */
interface Kept {
  readonly kept?: AnyActorRef;
  readonly child?: AnyActorRef;
}
const nobody: Kept = {};
const keeper = setup({ types: { context: nobody } }).createMachine({
  context: {},
  on: {
    KEEP: {
      actions: [assign({ kept: ({ event }) => (event as Request).replyTo as never }), reply('kept')],
    },
    GIVE: { actions: reply(({ context }) => context.kept) },
    TELL: { actions: [sendTo(({ context }) => context.kept!, { type: 'PONG' }), reply('told')] },
    BREAK: {
      actions: () => {
        throw new Error('it was told to break');
      },
    },
  },
});

const NODES = ['n1', 'n2', 'n3'];

async function clusterWith(declare: (cluster: ClusterSystem) => void = () => {}) {
  const harness = new ClusterHarness(NODES, declare);
  await harness.start();
  return harness;
}

describe('a self that is sent along', () => {
  test('is answered from another node', async () => {
    const harness = await clusterWith();
    const server = harness.node('n1').system.spawn(answering);
    const { system } = harness.node('n2');
    const client = system.spawn(asking, { input: system.ref(server.address) });
    client.send({ type: 'GO' });
    await harness.pass(500);
    expect(await harness.settle(client.ask({ type: 'READ' }))).toBe(1);
  });

  test('is answered from a thread, and from another one', async () => {
    const world = threadWorld({ answering, asking }, { size: 2 });
    const server = world.place('answering');
    const clients = [world.system.spawn(asking, { input: server }), world.place('asking', { input: server })];
    for (const client of clients) client.send({ type: 'GO' });
    await world.pass(100);
    const pongs = clients.map((client) => world.settle(client.ask({ type: 'READ' })));
    expect([await Promise.all(pongs), world.letters]).toEqual([[1, 1], []]);
  });

  test('is kept by an entity through its lives, whoever has sent it', async () => {
    const harness = await clusterWith((cluster) => void cluster.entity('keeper', keeper));
    const answers: unknown[] = [];
    for (const name of NODES) {
      const { system, cluster } = harness.node(name);
      const client = system.spawn(asking, { input: cluster.ref('keeper', 'k') });
      const entity = cluster.ref<EventObject & { readonly replyTo?: unknown }>('keeper', 'k');
      const registrar = system.spawn(
        createMachine({
          on: {
            GO: {
              actions: ({ self }) =>
                void entity.ask({ type: 'KEEP', replyTo: self }).then((said) => answers.push(said)),
            },
            PONG: { actions: () => answers.push(`${name} told`) },
          },
        }),
      );
      registrar.send({ type: 'GO' });
      await harness.pass(300);
      await harness.settle(entity.stop());
      await harness.settle(entity.ask({ type: 'TELL' }));
      await harness.pass(100);
      const given = await harness.settle(entity.ask<Ref>({ type: 'GIVE' }));
      expect(given.address).toBe(registrar.address);
      await harness.settle(client.stop());
    }
    expect(answers).toEqual(NODES.flatMap((name) => ['kept', `${name} told`]));
  });

  test('can be asked and watched on its own node as well', async () => {
    const { system, advance } = createTestSystem();
    const heard: unknown[] = [];
    const friend = system.spawn(
      fromCallback<Request>(({ receive }) => {
        receive(({ replyTo }) => {
          replyTo.watch(({ address, reason }) => heard.push(address, reason));
          void replyTo.ask({ type: 'READ' }).then((pongs) => {
            heard.push(pongs);
            void replyTo.stop();
          });
        });
      }),
    );
    const client = system.spawn(asking, { input: friend });
    client.send({ type: 'GO' });
    await Promise.resolve();
    advance();
    await Promise.resolve();
    advance();
    expect(heard).toEqual([0, client.address, 'stopped']);
  });
});

describe('a self in a context', () => {
  test('is there after a restart from the snapshot, in children as well', () => {
    const { system, advance } = createTestSystem();
    const told: string[] = [];
    const confiding = createMachine({
      context: ({ input }) => ({ parent: input as AnyActorRef }),
      on: { PING: { actions: sendTo(({ context }) => context['parent'] as AnyActorRef, { type: 'PONG' }) } },
    });
    const parent = setup({ actors: { confiding } }).createMachine({
      context: ({ self }: { self: unknown }) => ({ deep: [{ self }] }),
      invoke: { src: 'confiding', id: 'child', input: ({ self }: { self: unknown }) => self },
      on: {
        BREAK: keeper.config.on!['BREAK'] as never,
        PING: {
          actions: [
            sendTo('child', { type: 'PING' }),
            sendTo(({ context }) => context['deep'][0].self, { type: 'PONG' }),
          ],
        },
        PONG: { actions: () => void told.push('PONG') },
      },
    });
    const ref = system.spawn(parent, { supervise: { restartFrom: 'snapshot' } });
    for (const type of ['PING', 'BREAK', 'PING']) ref.send({ type });
    advance();
    expect(told).toHaveLength(4);
  });
});
