import { silentLogger } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, type EventObject, setup } from 'xstate';
import type { Ref, Terminated } from '../actor/ref.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { threadWorld } from '../testing/thread-world.ts';

interface Count {
  readonly status: string;
  readonly context: { readonly n: number };
}

const counter = setup({ types: { context: {} as { n: number } } }).createMachine({
  context: { n: 0 },
  initial: 'alive',
  states: {
    alive: {
      on: {
        add: { actions: assign({ n: ({ context }) => context.n + 1 }) },
        end: { target: 'dead', actions: assign({ n: ({ context }) => context.n + 1 }) },
      },
    },
    dead: { type: 'final' },
  },
});

async function started(config = {}) {
  const harness = new ClusterHarness(['n1', 'n2', 'n3'], () => {}, config);
  await harness.start();
  const [n1, n2] = [harness.node('n1').nodeId, harness.node('n2').nodeId];
  const local = harness.node('n1').system.spawn(counter);
  const seen: Count[] = [];
  const follow = (address: string, onSnapshot = (snapshot: Count) => void seen.push(snapshot)) =>
    harness.node('n2').system.ref<EventObject, Count>(address).subscribe(onSnapshot);
  return { harness, n1, n2, local, seen, follow };
}

describe('a subscription to an actor of another node', () => {
  it('shows what changed while the link was cut, once it is back', async () => {
    const { harness, n1, n2, local, seen, follow } = await started();
    follow(local.address);
    local.send({ type: 'add' });
    await harness.pass(200);
    harness.network.cut(n1, n2);
    await harness.pass(5);
    local.send({ type: 'add' });
    await harness.pass(100);
    expect(seen.at(-1)?.context.n).toBe(1);
    harness.network.healAll();
    await harness.pass(500);
    expect(seen.at(-1)?.context.n).toBe(2);
  });

  it('shows the last snapshot of an actor that ends, also when it ended behind a cut link', async () => {
    for (const isCut of [false, true]) {
      const { harness, n1, n2, local, seen, follow } = await started();
      follow(local.address);
      local.send({ type: 'add' });
      await harness.pass(200);
      if (isCut) harness.network.cut(n1, n2);
      await harness.pass(5);
      for (const type of ['add', 'end'] as const) local.send({ type });
      await harness.pass(100);
      harness.network.healAll();
      await harness.pass(500);
      expect(seen.at(-1)).toMatchObject({ status: 'done', context: { n: 3 } });
    }
  });

  it('keeps nothing on either side of actors that have ended, or were gone before', async () => {
    const { harness, follow } = await started({ remoteTableMax: 20 });
    for (let i = 0; i < 60; i++) {
      const shortLived = harness.node('n1').system.spawn(counter);
      if (i % 3 === 0) await harness.settle(shortLived.stop());
      follow(shortLived.address);
      await harness.pass(20);
      await harness.settle(shortLived.stop());
      await harness.pass(20);
    }
  });

  it('comes to the one who has to wait, when others have made room', async () => {
    const { harness, local, seen, follow } = await started({ remoteTableMax: 4 });
    const idle = [1, 2, 3, 4].map(() => harness.node('n1').system.spawn(counter));
    const fromN3 = idle.map(({ address }) =>
      harness
        .node('n3')
        .system.ref(address)
        .subscribe(() => {}),
    );
    await harness.pass(100);
    follow(local.address);
    local.send({ type: 'add' });
    await harness.pass(2_000);
    expect(seen).toEqual([]);
    fromN3[0]!();
    await harness.pass(2_000);
    expect(seen.at(-1)?.context.n).toBe(1);
  });
});

describe('a watch of an actor of another node that is watched by more than it has room for', () => {
  it('is told nothing while the actor lives, and exactly once when it has ended', async () => {
    const { harness, local } = await started({ remoteTableMax: 10 });
    const notices: Terminated[] = [];
    for (const name of ['n2', 'n3'])
      for (let i = 0; i < 8; i++)
        harness
          .node(name)
          .system.ref(local.address)
          .watch((notice) => notices.push(notice));
    await harness.pass(5_000);
    expect(notices).toEqual([]);
    local.send({ type: 'end' });
    await harness.pass(5_000);
    expect(notices.map(({ address }) => address)).toEqual(Array(16).fill(local.address));
    expect(notices.filter(({ reason }) => reason === 'done')).toHaveLength(10);
  });

  it('is told the end, as it would be by its own kind, when it speaks the wire format before', async () => {
    const { harness, n2, local } = await started({ remoteTableMax: 4 });
    harness.network.wireVersions.set(n2, 1);
    let surprises = 0;
    harness.network.onSent = (_from, _to, _channel, message) => {
      if (typeof message === 'object' && message !== null && 'isFull' in message) surprises++;
    };
    for (let i = 0; i < 4; i++)
      harness
        .node('n3')
        .system.ref(local.address)
        .watch(() => {});
    await harness.pass(50);
    const notices: Terminated[] = [];
    const remote = harness.node('n2').system.ref(local.address);
    remote.watch((notice) => notices.push(notice));
    remote.subscribe(() => {});
    await harness.pass(3_000);
    expect(notices.map(({ reason }) => reason)).toEqual(['unknown']);
    expect(surprises).toBe(0);
  });
});

describe('the snapshot of an actor elsewhere', () => {
  const tagged = setup({}).createMachine({
    initial: 'busy',
    states: { busy: { tags: ['busy', 'red'], on: { GO: 'idle' } }, idle: { tags: 'idle' } },
  });

  /** The tags that a subscriber is shown. */
  function follow(ref: { subscribe(listener: (snapshot: unknown) => void): () => void }): string[][] {
    const seen: string[][] = [];
    ref.subscribe((snapshot) => seen.push([...(snapshot as { tags: Iterable<string> }).tags]));
    return seen;
  }

  it('has its tags, from another node and from a thread', async () => {
    const { harness } = await started();
    const local = harness.node('n1').system.spawn(tagged);
    const remote = follow(harness.node('n2').system.ref(local.address));
    await harness.pass(200);
    local.send({ type: 'GO' });
    await harness.pass(200);
    const { place, pass } = threadWorld({ tagged });
    const ref = place('tagged');
    const threaded = follow(ref);
    await pass(10);
    ref.send({ type: 'GO' });
    await pass(10);
    for (const seen of [remote, threaded])
      expect([seen[0], seen.at(-1)]).toEqual([['busy', 'red'], ['idle']]);
  });

  it('names the actors that its context holds, from another node and from a thread', async () => {
    const inner = setup({}).createMachine({});
    const parent = setup({ actors: { inner } }).createMachine({
      context: ({ spawn, self }) => ({ own: self, list: [spawn('inner', { id: 'first' })], n: 1 }),
      on: { GO: { actions: assign({ n: 2 }) } },
    });
    const { harness } = await started();
    const local = harness.node('n1').system.spawn(parent);
    const world = threadWorld({ parent });
    const threaded = world.place('parent');
    for (const ref of [harness.node('n2').system.ref(local.address), threaded]) {
      const seen: { own: Ref; list: unknown; n: number }[] = [];
      ref.subscribe((snapshot) => seen.push((snapshot as { context: (typeof seen)[0] }).context));
      await harness.pass(200);
      await world.pass(10);
      ref.send({ type: 'GO' });
      await harness.pass(200);
      await world.pass(10);
      expect([seen[0]?.n, seen.at(-1)?.n]).toEqual([1, 2]);
      expect(seen.at(-1)?.own.address).toBe(ref.address);
      expect(seen.at(-1)?.list).toEqual([{ xstate$$type: 1, id: 'first' }]);
    }
  });

  it('that cannot cross the wire is said once, and the next that can is shown', async () => {
    const { harness } = await started();
    const warnings: string[] = [];
    const warn = (_fields: object, said: string) => void warnings.push(said);
    await harness.settle(harness.boot('n4', {}, { logger: { ...silentLogger, warn } }).started);
    const logic = setup({}).createMachine({
      context: { value: new Map() as unknown, n: 0 },
      on: {
        AGAIN: { actions: assign({ n: ({ context }) => context.n + 1 }) },
        PLAIN: { actions: assign({ value: 'plain' }) },
      },
    });
    const local = harness.node('n4').system.spawn(logic);
    const seen: unknown[] = [];
    harness
      .node('n2')
      .system.ref(local.address)
      .subscribe((snapshot) => seen.push(snapshot));
    for (let i = 0; i < 5; i++) {
      local.send({ type: 'AGAIN' });
      await harness.pass(100);
    }
    expect([warnings, seen]).toEqual([['a snapshot cannot cross the wire'], []]);
    local.send({ type: 'PLAIN' });
    await harness.pass(200);
    expect(seen).toMatchObject([{ context: { value: 'plain', n: 5 } }]);
  });

  it('is shown to an observer object as to a function, wherever the actor is', async () => {
    const harness = new ClusterHarness(
      ['n1', 'n2', 'n3'],
      (cluster) => void cluster.entity('tagged', tagged),
    );
    await harness.start();
    const { system, cluster } = harness.node('n2');
    const local = harness.node('n1').system.spawn(tagged);
    const entity = cluster.ref('tagged', 'x');
    entity.send({ type: 'GO' });
    await harness.pass(200);
    const world = threadWorld({ tagged });
    const seen = [local, system.ref(local.address), entity, world.place('tagged')].map((ref) => {
      const values: unknown[] = [];
      ref.subscribe({ next: (snapshot) => values.push((snapshot as { value: unknown }).value) });
      return values;
    });
    await harness.pass(200);
    await world.pass(10);
    expect(seen.map((values) => values.at(-1))).toEqual(['busy', 'busy', 'idle', 'busy']);
  });
});
