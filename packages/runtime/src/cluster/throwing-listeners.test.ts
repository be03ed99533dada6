import { isTuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, type EventObject, fromTransition, setup } from 'xstate';
import type { Declare } from '../testing/cluster-harness.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import type { ClusterConfig } from './cluster-config.ts';

const NAMES = ['n1', 'n2', 'n3'];

const fail = () => {
  throw new Error('a bug in a listener');
};

interface Count {
  context: { n: number };
}

const counter = setup({ types: { context: {} as { n: number } } }).createMachine({
  context: { n: 0 },
  initial: 'alive',
  states: {
    alive: { on: { end: 'dead', add: { actions: assign({ n: ({ context }) => context.n + 1 }) } } },
    dead: { type: 'final' },
  },
});

const echo = fromTransition((state: null) => state, null);

async function started(declare: Declare = () => {}, config: Partial<ClusterConfig> = {}) {
  const harness = new ClusterHarness(NAMES, declare, config, 1, 'raft');
  await harness.start();
  return harness;
}

describe('a listener that throws', () => {
  it('keeps neither the other watchers, nor those who asked, nor the shards of a lost node from being told', async () => {
    const harness = await started();
    const { leader } = harness;
    const victim = NAMES.find((name) => name !== leader)!;
    const { system, cluster } = harness.node(leader!);
    const told: string[] = [];
    cluster.members.onChange(fail);
    for (let i = 0; i < 3; i++)
      system.ref(harness.node(victim).system.spawn(counter).address).watch(({ reason }) => {
        told.push(reason);
        if (i === 0) fail();
      });
    const silent = harness.node(victim).system.spawn(echo);
    const asked = system
      .ref(silent.address)
      .ask({ type: 'x' }, { timeoutMs: 60_000 })
      .catch((thrown: unknown) => thrown);
    await harness.pass(200);
    harness.crash(victim);
    const failure = await harness.settle(asked);
    expect(isTuttiError(failure, 'TUTTI_NODE_UNREACHABLE')).toBe(true);
    expect(told).toEqual(['node-lost', 'node-lost', 'node-lost']);
    await harness.until(() => !(victim in cluster.status().shards));
  });

  it('leaves the other subscribers of an entity, and the watchers of those that changed with it, theirs', async () => {
    const harness = await started((cluster) => cluster.entity('counter', counter));
    const { cluster } = harness.node('n1');
    const ref = (key: string) => cluster.ref<EventObject, Count>('counter', key);
    const seen: number[] = [];
    const ended: string[] = [];
    ref('a').send({ type: 'add' });
    ref('b').send({ type: 'add' });
    await harness.pass(300);
    ref('a').subscribe(fail);
    ref('a').subscribe(({ context }) => seen.push(context.n));
    ref('b').watch(fail);
    ref('b').watch(({ reason }) => ended.push(reason));
    await harness.pass(100);
    ref('a').send({ type: 'add' });
    ref('b').send({ type: 'end' });
    await harness.pass(500);
    expect(seen).toEqual([1, 2]);
    expect(ended).toEqual(['done']);
  });

  it('leaves the other subscribers and watchers of a replicated logic theirs', async () => {
    const harness = await started((cluster) => cluster.replicated('counter', counter));
    const ref = harness.node('n1').system.ref<EventObject, Count>('replicated:counter');
    const seen: number[] = [];
    const ended: string[] = [];
    ref.subscribe(fail);
    ref.subscribe(({ context }) => seen.push(context.n));
    ref.watch(fail);
    ref.watch(({ reason }) => ended.push(reason));
    await harness.pass(50);
    ref.send({ type: 'add' });
    ref.send({ type: 'end' });
    await harness.pass(300);
    expect(seen).toEqual([0, 1, 1]);
    expect(ended).toEqual(['done']);
  });

  it('does not end the process when it is told in a turn of its own', async () => {
    const harness = await started();
    const { system } = harness.node('n2');
    const told: string[] = [];
    for (const address of ['local:n9/1/nobody', `local:n2/${system.incarnation}/nobody`]) {
      system.ref(address).watch(fail);
      system.ref(address).watch(({ reason }) => told.push(reason));
    }
    await harness.pass(50);
    expect(told).toEqual(['unknown', 'unknown']);
  });

  it('does not come between a topic and its other subscribers, nor reach the publisher', async () => {
    const harness = await started();
    const { system, cluster } = harness.node('n1');
    const got: string[] = [];
    const subscriber = (name: string) =>
      system.spawn(
        fromTransition((state: null, { type }: EventObject) => {
          got.push(`${name} ${type}`);
          return state;
        }, null),
      );
    const topic = cluster.topic('news');
    const slow = subscriber('slow');
    topic.subscribe(slow, { waitingMax: 1, whenSlow: 'unsubscribe', onEnded: fail });
    topic.subscribe(subscriber('fast'));
    slow.send({ type: 'filler' });
    topic.publish({ type: 'storm' });
    await harness.pass(10);
    expect(got).toEqual(['slow filler', 'fast storm']);
  });
});
