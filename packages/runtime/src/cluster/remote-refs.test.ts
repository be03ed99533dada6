import { isTuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, type EventObject, setup } from 'xstate';
import type { Ref, Terminated } from '../actor/ref.ts';
import { replying } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';

const NAMES = ['n1', 'n2', 'n3'];

interface Numbered extends EventObject {
  readonly n: number;
}

async function started(config = {}): Promise<ClusterHarness> {
  const harness = new ClusterHarness(NAMES, () => {}, config);
  await harness.start();
  return harness;
}

/** An actor on n1 that keeps what it got, and a ref to it as n2 sees it. */
function listener(harness: ClusterHarness) {
  const got: number[] = [];
  const local = harness.node('n1').system.spawn(
    replying<number, Numbered>((count, { n }, reply) => {
      got.push(n);
      reply(n * 2);
      return count + 1;
    }, 0),
  );
  const remote: Ref<Numbered> = harness.node('n2').system.ref(local.address);
  return { got, local, remote };
}

/** An actor that stops when it is told to. */
const mortal = setup({ types: { context: {} as { n: number } } }).createMachine({
  context: { n: 0 },
  initial: 'alive',
  states: {
    alive: { on: { end: 'dead', grow: { actions: assign({ n: ({ context }) => context.n + 1 }) } } },
    dead: { type: 'final' },
  },
});

function watchFrom(harness: ClusterHarness, name: string, address: string): Terminated[] {
  const notices: Terminated[] = [];
  harness
    .node(name)
    .system.ref(address)
    .watch((notice) => notices.push(notice));
  return notices;
}

describe('a ref to an actor of another node', () => {
  it('delivers in order, and brings the reply of an ask back', async () => {
    const harness = await started();
    const { got, remote } = listener(harness);
    for (let n = 1; n <= 200; n++) remote.send({ type: 'take', n });
    expect(await harness.settle(remote.ask({ type: 'take', n: 21 }))).toBe(42);
    expect(got).toEqual([...Array.from({ length: 200 }, (_, i) => i + 1), 21]);
  });

  it('keeps the order, and delivers nothing twice, while the link breaks again and again', async () => {
    const harness = await started();
    const { got, remote } = listener(harness);
    const { deadLetters } = harness.node('n2').system;
    for (let n = 1; n <= 400; n++) {
      remote.send({ type: 'take', n });
      if (n % 50 === 0) harness.network.cut(harness.node('n1').nodeId, harness.node('n2').nodeId);
      if (n % 50 === 10) harness.network.healAll();
      await harness.pass(5);
    }
    await harness.pass(100);
    expect([...got].sort((a, b) => a - b)).toEqual(got);
    expect(new Set(got).size).toBe(got.length);
    expect(got.length).toBeGreaterThan(100);
    expect(deadLetters.counts().unreachable).toBeGreaterThan(20);
    expect(got.length + deadLetters.counts().unreachable).toBeLessThanOrEqual(400);
  });

  it('fails an ask with the coded error of the other side, and at once when there is no link', async () => {
    const harness = await started();
    const unknown = harness.node('n2').system.ref(`local:n1/${harness.node('n1').system.incarnation}/nobody`);
    const first = await harness.settle(unknown.ask({ type: 'x' }).catch((thrown: unknown) => thrown));
    expect(isTuttiError(first, 'TUTTI_ACTOR_UNKNOWN')).toBe(true);
    harness.network.cut(harness.node('n1').nodeId, harness.node('n2').nodeId);
    await harness.pass(10);
    const second = await harness.settle(
      unknown.ask({ type: 'x' }).catch((thrown: unknown) => thrown),
      20,
    );
    expect(isTuttiError(second, 'TUTTI_NODE_UNREACHABLE')).toBe(true);
  });

  it('survives being sent inside of an event, and answers from where it points to', async () => {
    const harness = await started();
    const { local, got } = listener(harness);
    const introducer = harness.node('n3').system.spawn(
      replying<null, { type: 'meet'; whom: Ref<Numbered> }>((_, { whom }, reply) => {
        whom.send({ type: 'take', n: 5 });
        reply(whom);
        return null;
      }, null),
    );
    const meet = harness
      .node('n2')
      .system.ref(introducer.address)
      .ask<Ref>({ type: 'meet', whom: local } as EventObject);
    expect((await harness.settle(meet)).address).toBe(local.address);
    await harness.pass(50);
    expect(got).toEqual([5]);
  });

  it('makes messages to an earlier life of the node dead letters', async () => {
    const harness = await started();
    const { remote, got } = listener(harness);
    harness.crash('n1');
    harness.boot('n1');
    await harness.untilBalanced();
    const before = harness.node('n2').system.deadLetters.counts()['stale-incarnation'];
    remote.send({ type: 'take', n: 1 });
    const failure = await harness.settle(
      remote.ask({ type: 'take', n: 2 }).catch((thrown: unknown) => thrown),
    );
    expect(isTuttiError(failure, 'TUTTI_ACTOR_UNKNOWN')).toBe(true);
    expect(harness.node('n2').system.deadLetters.counts()['stale-incarnation']).toBe(before + 2);
    expect(got).toEqual([]);
  });

  it('gives the latest snapshots to a subscriber', async () => {
    const harness = await started();
    const local = harness.node('n1').system.spawn(mortal);
    const seen: number[] = [];
    harness
      .node('n2')
      .system.ref<EventObject, { context: { n: number } }>(local.address)
      .subscribe(({ context }) => seen.push(context.n));
    await harness.pass(100);
    for (let i = 0; i < 500; i++) local.send({ type: 'grow' });
    await harness.pass(200);
    expect(seen.at(-1)).toBe(500);
    expect(seen.length).toBeLessThan(10);
  });

  it('stops the actor from afar', async () => {
    const harness = await started();
    const { local, remote } = listener(harness);
    await harness.settle(remote.stop());
    const notices = watchFrom(harness, 'n1', local.address);
    await harness.pass(10);
    expect(notices.map(({ reason }) => reason)).toEqual(['unknown']);
  });
});

describe('a node that was given up', () => {
  it('is heard by nobody, also before it knows, reaches nobody, and its actors end', async () => {
    const harness = await started();
    const { got, local, remote } = listener(harness);
    const notices = watchFrom(harness, 'n2', local.address);
    const ends = watchFrom(harness, 'n1', local.address);
    const heard: EventObject[] = [];
    const other = harness.node('n2').system.spawn(
      replying<null, EventObject>((_, event) => {
        heard.push(event);
        return null;
      }, null),
    );
    harness.node('n2').cluster.topic('news').subscribe(other);
    harness.pause('n1');
    await harness.until(() => notices.length > 0);
    harness.resume('n1');
    harness.node('n1').system.ref(other.address).send({ type: 'late' });
    harness.node('n1').cluster.topic('news').publish({ type: 'late' });
    const asked = await harness.settle(remote.ask({ type: 'take', n: 1 }).catch((thrown: unknown) => thrown));
    expect(isTuttiError(asked, 'TUTTI_NODE_UNREACHABLE')).toBe(true);
    await harness.until(() => ends.length > 0);
    await harness.pass(100);
    expect(heard).toEqual([]);
    expect(got).not.toContain(1);
    expect([...notices, ...ends].map(({ reason }) => reason)).toEqual(['node-lost', 'stopped']);
  });
});

describe('a stop from another node', () => {
  it('comes after what was sent before it, also when both are said in one turn', async () => {
    const harness = await started();
    const { got, remote } = listener(harness);
    for (let n = 1; n <= 50; n++) remote.send({ type: 'take', n });
    const stopped = remote.stop();
    remote.send({ type: 'take', n: 51 });
    await harness.settle(stopped);
    await harness.pass(50);
    // What XState tells a logic that stops has no number.
    expect(got).toEqual([...Array.from({ length: 50 }, (_, i) => i + 1), undefined]);
    const counts = harness.node('n1').system.deadLetters.counts();
    expect(counts.stopped + counts['unknown-actor']).toBe(1);
  });

  it.each(['reset', 'silent'] as const)(
    'is said again when a broken link may have lost it (%s)',
    async (how) => {
      const harness = await started();
      const { local, remote } = listener(harness);
      const [n1, n2] = [harness.node('n1').nodeId, harness.node('n2').nodeId];
      harness.network.cut(n1, n2, how);
      let isOver = false;
      const stopped = remote.stop().then(() => (isOver = true));
      await harness.pass(20);
      expect(isOver).toBe(false);
      harness.network.cut(n1, n2, 'reset');
      harness.network.healAll();
      await harness.settle(stopped);
      const notices = watchFrom(harness, 'n1', local.address);
      await harness.pass(10);
      expect(notices.map(({ reason }) => reason)).toEqual(['unknown']);
    },
  );

  it('resolves when the node is lost, and at once for a node that never was', async () => {
    const harness = await started();
    const { remote } = listener(harness);
    const stopped = remote.stop();
    harness.crash('n1');
    await harness.settle(stopped);
    await harness.settle(harness.node('n2').system.ref('local:n9/1/nobody').stop());
  });
});

describe('a watch across nodes', () => {
  it('tells the end of an actor exactly once', async () => {
    const harness = await started();
    const local = harness.node('n1').system.spawn(mortal);
    const notices = watchFrom(harness, 'n2', local.address);
    await harness.pass(50);
    expect(notices).toEqual([]);
    local.send({ type: 'end' });
    await harness.pass(500);
    expect(notices).toEqual([{ address: local.address, reason: 'done' }]);
  });

  it('tells it exactly once although the link was cut when it happened', async () => {
    const harness = await started();
    const local = harness.node('n1').system.spawn(mortal);
    const notices = watchFrom(harness, 'n2', local.address);
    await harness.pass(50);
    for (let round = 0; round < 5; round++) {
      harness.network.cut(
        harness.node('n1').nodeId,
        harness.node('n2').nodeId,
        round % 2 ? 'reset' : 'silent',
      );
      if (round === 1) local.send({ type: 'end' });
      await harness.pass(20);
      harness.network.cut(harness.node('n1').nodeId, harness.node('n2').nodeId, 'reset');
      harness.network.healAll();
      await harness.pass(60);
    }
    expect(notices).toEqual([{ address: local.address, reason: 'done' }]);
  });

  it('is told of a lost node although a listener for members throws', async () => {
    const harness = await started();
    const { members } = harness.node('n2').cluster;
    const heard: string[] = [];
    members.onChange(() => {
      throw new Error('careless');
    });
    members.onChange(({ nodeId, state }) => heard.push(`${nodeId} ${state}`));
    harness.crash('n1');
    await harness.until(() => heard.length > 0);
    expect(heard).toEqual(['n1 lost']);
  });

  it('tells the others of a lost node although one watcher throws', async () => {
    const harness = await started();
    const [first, second] = [mortal, mortal].map((logic) => harness.node('n1').system.spawn(logic));
    harness
      .node('n2')
      .system.ref(first!.address)
      .watch(() => {
        throw new Error('careless');
      });
    const notices = watchFrom(harness, 'n2', second!.address);
    await harness.pass(50);
    harness.crash('n1');
    await harness.until(() => notices.length > 0);
    expect(notices).toEqual([{ address: second!.address, reason: 'node-lost' }]);
  });

  it('tells exactly once when the node is lost, also if the node comes back', async () => {
    const harness = await started();
    const local = harness.node('n1').system.spawn(mortal);
    const notices = watchFrom(harness, 'n2', local.address);
    await harness.pass(50);
    harness.crash('n1');
    await harness.until(() => notices.length > 0);
    harness.boot('n1');
    await harness.untilBalanced();
    expect(notices).toEqual([{ address: local.address, reason: 'node-lost' }]);
  });

  it('tells of the life that is over, once, when the node is back before anybody missed it, and not of who has the name now', async () => {
    const harness = await started();
    const printer = () => harness.node('n1').system.spawn(mortal, { id: 'printer' });
    const before = printer();
    const notices = watchFrom(harness, 'n2', before.address);
    await harness.pass(50);
    harness.crash('n1');
    harness.boot('n1');
    const after = printer();
    const later = watchFrom(harness, 'n2', after.address);
    await harness.pass(30);
    harness.node('n2').system.ref(before.address).send({ type: 'end' });
    await harness.untilBalanced();
    await harness.pass(500);
    expect(notices.map(({ address }) => address)).toEqual([before.address]);
    expect(later).toEqual([]);
    after.send({ type: 'end' });
    await harness.pass(100);
    expect(later).toEqual([{ address: after.address, reason: 'done' }]);
    expect(notices).toHaveLength(1);
  });

  it('tells at once of actors and of lives that never were or are over', async () => {
    const harness = await started();
    const { incarnation } = harness.node('n1').system;
    const unknown = watchFrom(harness, 'n2', `local:n1/${incarnation}/nobody`);
    const nowhere = watchFrom(harness, 'n2', 'local:n9/1/nobody');
    const over = watchFrom(harness, 'n2', 'local:n1/0/nobody');
    await harness.pass(50);
    expect([unknown, nowhere, over].map((list) => list.map(({ reason }) => reason))).toEqual([
      ['unknown'],
      ['unknown'],
      ['unknown'],
    ]);
  });

  it('that is set before the members are known waits for them, and says nothing of an actor that lives', async () => {
    const harness = await started();
    const local = harness.node('n1').system.spawn(mortal);
    harness.crash('n2');
    harness.boot('n2');
    const notices = watchFrom(harness, 'n2', local.address);
    const nowhere = watchFrom(harness, 'n2', 'local:n9/1/nobody');
    const snapshots: unknown[] = [];
    harness
      .node('n2')
      .system.ref(local.address)
      .subscribe((snapshot) => snapshots.push(snapshot));
    await harness.untilBalanced();
    await harness.pass(500);
    expect(notices).toEqual([]);
    expect(nowhere.map(({ reason }) => reason)).toEqual(['unknown']);
    expect(snapshots.length).toBeGreaterThan(0);
    local.send({ type: 'end' });
    await harness.pass(500);
    expect(notices).toEqual([{ address: local.address, reason: 'done' }]);
  });

  it('is told of a life that was over before the members were known', async () => {
    const harness = await started();
    const local = harness.node('n1').system.spawn(mortal);
    harness.crash('n2');
    harness.crash('n1');
    harness.boot('n1');
    harness.boot('n2');
    const notices = watchFrom(harness, 'n2', local.address);
    await harness.untilBalanced();
    await harness.pass(500);
    expect(notices.map(({ address }) => address)).toEqual([local.address]);
  });

  it('is not told any more once it is taken back', async () => {
    const harness = await started();
    const local = harness.node('n1').system.spawn(mortal);
    const notices: Terminated[] = [];
    const unwatch = harness
      .node('n2')
      .system.ref(local.address)
      .watch((notice) => notices.push(notice));
    await harness.pass(50);
    unwatch();
    local.send({ type: 'end' });
    await harness.pass(100);
    expect(notices).toEqual([]);
  });
});
