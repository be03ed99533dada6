import { describe, expect, it } from 'vitest';
import type { EventObject } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { replying } from '../actor/reply.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { CHANNELS_MAX } from './delivery-log.ts';

const NAMES = ['n1', 'n2', 'n3'];
const MESSAGES = 120;
const CHAOS = { loss: 0.1, duplication: 0.15, reordering: 0.15 };

interface Numbered extends EventObject {
  readonly n: number;
  readonly by: string;
}

interface Ledger {
  readonly [sender: string]: readonly number[];
}

/** Keeps what took effect, by sender. */
const ledger = () =>
  replying<Ledger, Numbered>((taken, { type, n, by }, answer) => {
    if (type === 'read') answer(taken);
    return type === 'take' ? { ...taken, [by]: [...(taken[by] ?? []), n] } : taken;
  }, {});

/** Nobody is given up for a link that is broken as long as these are. */
const PATIENT: Partial<ClusterConfig> = { linkDownGraceMs: 5_000, silenceMs: 10_000, unreachableMs: 60_000 };

async function harnessOf(seed: number, config: Partial<ClusterConfig> = {}): Promise<ClusterHarness> {
  const harness = new ClusterHarness(
    NAMES,
    (cluster) => {
      cluster.entity('ledger', ledger());
      cluster.replicated('book', ledger());
    },
    config,
    seed,
  );
  await harness.start();
  return harness;
}

const inOrder = Array.from({ length: MESSAGES }, (_, n) => n);

/** Sends from two nodes at once while links lose, repeat, reorder and break. Resolves when everything is confirmed. */
async function sendThroughChaos(
  harness: ClusterHarness,
  refOn: (name: string) => Ref,
  disturb: (n: number) => void = () => {},
): Promise<void> {
  harness.network.chaos = CHAOS;
  const random = harness.random.fork('disturbances');
  const sent: Promise<void>[] = [];
  const channels = ['n1', 'n2'].map((by) => {
    const channel = harness.node(by).system.reliable(refOn(by), { retryMs: 60 });
    return (n: number) => channel.send({ type: 'take', n, by } as EventObject);
  });
  for (const n of inOrder) {
    for (const send of channels) sent.push(send(n));
    if (random.chance(0.15)) harness.network.cut(harness.node('n1').nodeId, harness.node('n3').nodeId);
    if (random.chance(0.15)) harness.network.cut(harness.node('n2').nodeId, harness.node('n3').nodeId);
    if (random.chance(0.3)) harness.network.healAll();
    disturb(n);
    await harness.pass(random.integer(1, 40));
  }
  harness.network.healAll();
  await harness.settle(Promise.all(sent), 240_000);
  harness.network.chaos = undefined;
}

/** An entity that n3 owns. */
async function keyOwnedByN3(harness: ClusterHarness): Promise<string> {
  for (let i = 0; ; i++) {
    const read = { type: 'read', n: 0, by: '' } as EventObject;
    await harness.settle(harness.node('n1').cluster.ref('ledger', `k${i}`).ask(read));
    if (harness.node('n3').cluster.status().entities['ledger']) return `k${i}`;
  }
}

describe('through loss, duplication, reordering and broken links', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'an actor of another node handles each message, in order, once (seed %i)',
    async (seed) => {
      const harness = await harnessOf(seed, PATIENT);
      const actor = harness.node('n3').system.spawn(ledger());
      await sendThroughChaos(harness, (name) => harness.node(name).system.ref(actor.address));
      expect(await harness.settle(actor.ask({ type: 'read', n: 0, by: '' }))).toEqual({
        n1: inOrder,
        n2: inOrder,
      });
    },
  );

  it.each([11, 12, 13, 14])(
    'each message takes effect in a durable entity exactly once, also when its owner crashes (seed %i)',
    async (seed) => {
      const harness = await harnessOf(seed);
      const key = await keyOwnedByN3(harness);
      const ref = (name: string) => harness.node(name).cluster.ref('ledger', key);
      await sendThroughChaos(harness, ref, (n) => {
        if (n === 40) harness.crash('n3');
        if (n === 80) harness.boot('n3');
      });
      expect(
        await harness.settle(
          ref('n1').ask({ type: 'read', n: 0, by: '' } as EventObject, { timeoutMs: 20_000 }),
        ),
      ).toEqual({
        n1: inOrder,
        n2: inOrder,
      });
    },
  );

  it.each([21, 22])(
    'each message takes effect in a replicated logic exactly once (seed %i)',
    async (seed) => {
      const harness = await harnessOf(seed);
      const ref = (name: string) => harness.node(name).system.ref('replicated:book');
      await sendThroughChaos(harness, ref);
      const read = { type: 'read', n: 0, by: '' } as EventObject;
      for (const name of NAMES)
        expect(await harness.settle(ref(name).ask(read, { timeoutMs: 20_000 }))).toEqual({
          n1: inOrder,
          n2: inOrder,
        });
    },
  );

  it('a plain send is lost or repeated there, which is what the channel is for', async () => {
    const harness = await harnessOf(31);
    const actor = harness.node('n3').system.spawn(ledger());
    const remote = harness.node('n1').system.ref<Numbered>(actor.address);
    harness.network.chaos = CHAOS;
    for (const n of inOrder) remote.send({ type: 'take', n, by: 'n1' });
    await harness.pass(1_000);
    harness.network.chaos = undefined;
    const { n1 } = await harness.settle(actor.ask<Ledger>({ type: 'read', n: 0, by: '' }));
    expect(n1).not.toEqual(inOrder);
  });
});

describe('a channel to an actor of a node', () => {
  it('that is lost fails what is open, and the next life of the node gets none of it', async () => {
    const harness = await harnessOf(51);
    const spawnOn = () => harness.node('n3').system.spawn(ledger(), { id: 'ledger' });
    const { address } = spawnOn();
    const channel = harness.node('n1').system.reliable(harness.node('n1').system.ref<Numbered>(address));
    await harness.settle(channel.send({ type: 'take', n: 0, by: 'n1' }));
    harness.crash('n3');
    const open = [1, 2, 3].map((n) =>
      channel.send({ type: 'take', n, by: 'n1' }).catch((error: { code: string }) => error.code),
    );
    await harness.pass(300);
    harness.boot('n3');
    const next = spawnOn();
    const codes = await harness.settle(Promise.all(open), 60_000);
    expect(codes).toEqual(['TUTTI_ACTOR_UNKNOWN', 'TUTTI_ACTOR_UNKNOWN', 'TUTTI_ACTOR_UNKNOWN']);
    await harness.pass(2_000);
    expect(await harness.settle(next.ask({ type: 'read', n: 0, by: '' }))).toEqual({});
    expect(harness.node('n1').system.deadLetters.counts().unconfirmed).toBe(3);
    expect(harness.node('n1').system.pendingAsks).toBe(0);
  });
});

describe('more channels than a receiver remembers, one after another', () => {
  it('are not taken for those that it has forgotten when their first message is lost', async () => {
    const harness = await harnessOf(61);
    const key = await keyOwnedByN3(harness);
    const { system, cluster } = harness.node('n1');
    const ref = cluster.ref<Numbered>('ledger', key);
    const numbers = Array.from({ length: CHANNELS_MAX + 64 }, (_, n) => n);
    harness.network.chaos = CHAOS;
    for (const n of numbers) {
      const channel = system.reliable(ref, { retryMs: 60 });
      await harness.settle(channel.send({ type: 'take', n, by: 'n1' }), 60_000);
    }
    harness.network.chaos = undefined;
    const { n1 } = await harness.settle(ref.ask<Ledger>({ type: 'read', n: 0, by: '' }));
    expect(n1).toEqual(numbers);
  });
});

describe('an ask that the link brings twice', () => {
  it('is handled once', async () => {
    const harness = await harnessOf(41);
    const actor = harness.node('n3').system.spawn(ledger());
    const remote = harness.node('n1').system.ref<Numbered>(actor.address);
    harness.network.chaos = { loss: 0, duplication: 1, reordering: 0.3 };
    for (const n of inOrder)
      void remote.ask({ type: 'take', n, by: 'n1' }, { timeoutMs: 100 }).catch(() => {});
    await harness.pass(2_000);
    harness.network.chaos = undefined;
    const { n1 } = await harness.settle(actor.ask<Ledger>({ type: 'read', n: 0, by: '' }));
    expect([...n1!].sort((a, b) => a - b)).toEqual(inOrder);
  });
});
