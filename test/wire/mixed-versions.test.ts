import { readFileSync } from 'node:fs';
import { CHANNEL, nodeId, type WireValue } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, fromTransition, setup } from 'xstate';
import { readActorMessage, writeActorMessage } from '../../packages/runtime/src/cluster/parcel.ts';
import { CLUSTER_LEVEL, reply } from '../../packages/runtime/src/index.ts';
import { ClusterHarness, type Declare } from '../../packages/runtime/src/testing/cluster-harness.ts';
import { readFrameHeader, readMessages } from '../../packages/transport/src/codec/frame.ts';
import { WIRE_VERSIONS } from '../../packages/transport/src/codec/limits.ts';
import { msgpackCodec } from '../../packages/transport/src/codec/msgpack-codec.ts';
import { type ConsensusSample } from './raft-messages.ts';
import { ALL_SAMPLES_OF_1, type RecordedFrame, recordFrame } from './record-frames.ts';
import { SAMPLES_OF_1, type SampleMessage, shapeOf } from './sample-messages.ts';

const recorded = JSON.parse(
  readFileSync(new URL('wire-1.json', import.meta.url), 'utf8'),
) as readonly RecordedFrame[];
const samples = ALL_SAMPLES_OF_1;
const sampleOf = (name: string) => samples.find((sample) => sample.name === name)!;
const isOfConsensus = (sample: SampleMessage): sample is ConsensusSample => 'meant' in sample;

function messageIn({ frame }: RecordedFrame): { readonly channel: number; readonly message: WireValue } {
  const bytes = Buffer.from(frame, 'hex');
  expect(readFrameHeader(bytes, 1_000)).toEqual({ version: 1, kind: 16 });
  const found: { channel: number; message: WireValue }[] = [];
  readMessages(bytes, (channel, start, end) =>
    found.push({ channel, message: msgpackCodec.decodeRange(bytes, start, end) }),
  );
  expect(found).toHaveLength(1);
  return found[0]!;
}

/** With bytes as lists: a decoder may give a view where a sample has an array of its own. */
function listed(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(listed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, listed(item)]));
}

describe('the wire format of the version before', () => {
  it('is one that this version speaks', () => {
    expect(WIRE_VERSIONS.max - WIRE_VERSIONS.min).toBe(1);
    expect(WIRE_VERSIONS.min).toBe(1);
    expect(recorded.map(({ name }) => name)).toEqual(samples.map(({ name }) => name));
  });

  it.each(recorded.map((frame) => [frame.name, frame] as const))('is read: %s', (name, frame) => {
    const sample = sampleOf(name);
    const { channel, message } = messageIn(frame);
    expect(channel).toBe(sample.channel);
    if (isOfConsensus(sample)) return expect(listed(sample.read(message))).toEqual(listed(sample.meant));
    expect(message).toEqual(sample.message);
    if (channel !== CHANNEL.actors) return;
    const read = readActorMessage(message);
    expect(read).toBeDefined();
    expect(writeActorMessage(read!)).toEqual(sample.message);
  });

  it.each(recorded.map((frame) => [frame.name, frame] as const))('is written: %s', (name, frame) => {
    expect(recordFrame(sampleOf(name), 1)).toEqual(frame);
  });

  const extended = samples
    .filter(isOfConsensus)
    .flatMap(({ name, read, now }) => (now ? [{ name, read, now }] : []));
  it.each(extended)('is continued behind its end alone: $name', ({ name, read, now }) => {
    // Whoever speaks it reads the items in order, and looks at none behind those that it knows.
    const known = messageIn(recorded.find((frame) => frame.name === name)!).message as WireValue[];
    expect(listed(now.message)).toEqual(listed([...known, ...now.added]));
    expect(listed(read(now.message))).toEqual(listed(now.meant));
  });
});

describe('a cluster of two versions', () => {
  type Event = { type: 'add'; by: number } | { type: 'read' } | { type: 'close' };
  const account = setup({ types: { context: {} as { total: number }, events: {} as Event } }).createMachine({
    id: 'account',
    context: { total: 0 },
    initial: 'open',
    states: {
      open: {
        on: {
          add: {
            actions: [assign({ total: ({ context, event }) => context.total + event.by }), reply('ok')],
          },
          read: { actions: reply(({ context }) => context.total) },
          close: { target: 'closed', actions: reply('closed') },
        },
      },
      closed: { type: 'final' },
    },
  });
  const NAMES = ['n1', 'n2', 'n3'];
  const KEYS = Array.from({ length: 12 }, (_, i) => `k${i}`);
  const declare: Declare = (cluster) => void cluster.entity('account', account);

  class Upgrade {
    readonly harness = new ClusterHarness(NAMES, declare);
    readonly known = new Set(SAMPLES_OF_1.map(({ channel, message }) => shapeOf(channel, message)));
    readonly surprises = new Set<string>();
    readonly previous = new Set(NAMES);
    readonly newer = new Set<string>();
    total = 0;

    constructor() {
      this.harness.network.onSent = (_from, to, channel, message) => {
        const shape = shapeOf(channel, message);
        if (!this.known.has(shape)) (this.previous.has(to) ? this.surprises : this.newer).add(shape);
      };
    }

    boot(name: string, previous: boolean): void {
      if (previous) this.previous.add(name);
      else this.previous.delete(name);
      this.harness.boot(name, {}, { previous });
    }

    /** Every key is added to from every node, whatever version that is of. */
    async load(): Promise<void> {
      const { harness } = this;
      const asks = NAMES.flatMap((name) =>
        KEYS.map((key) =>
          harness
            .node(name)
            .cluster.ref<Event>('account', key)
            .ask({ type: 'add', by: 1 }, { timeoutMs: 20_000 }),
        ),
      );
      await harness.settle(Promise.all(asks));
      this.total += NAMES.length;
    }

    async totals(): Promise<readonly unknown[]> {
      const { harness } = this;
      return harness.settle(
        Promise.all(
          KEYS.map((key) => harness.node('n3').cluster.ref<Event>('account', key).ask({ type: 'read' })),
        ),
      );
    }

    level = (name: string) => this.harness.node(name).cluster.status().level;
  }

  it('is upgraded node by node, loses nothing, and sends no node what its version does not know', async () => {
    const upgrade = new Upgrade();
    const { harness } = upgrade;
    for (const name of NAMES) upgrade.boot(name, true);
    await harness.untilBalanced();
    await upgrade.load();
    for (const name of NAMES) {
      expect(upgrade.level('n2'), 'while a member is of the version before').toBe(1);
      await harness.settle(harness.node(name).cluster.stop());
      harness.crash(name);
      upgrade.boot(name, false);
      await harness.untilBalanced();
      await upgrade.load();
      // The links of a member break for a moment: the others ask one another about it.
      harness.partition([name]);
      await harness.pass(150);
      harness.network.healAll();
      await harness.pass(500);
    }
    expect(await upgrade.totals()).toEqual(KEYS.map(() => upgrade.total));
    expect([...upgrade.surprises]).toEqual([]);
    expect([...upgrade.newer].toSorted(), 'what only the new version knows').toEqual([
      '2 settled with shards',
      '3 unheard with about',
    ]);
    expect(NAMES.map(upgrade.level)).toEqual(NAMES.map(() => CLUSTER_LEVEL));
  });

  it('keeps ended entities as the version before does, and removes them when all are of the new one', async () => {
    const upgrade = new Upgrade();
    const { harness } = upgrade;
    upgrade.boot('n1', true);
    upgrade.boot('n2', false);
    upgrade.boot('n3', false);
    await harness.untilBalanced();
    const close = (key: string) =>
      harness.settle(harness.node('n2').cluster.ref<Event>('account', key).ask({ type: 'close' }));
    await close('a');
    expect(harness.node('n2').cluster.status()).toMatchObject({ level: 1, stored: { account: 1 }, ended: 0 });
    await harness.settle(harness.node('n1').cluster.stop());
    harness.crash('n1');
    upgrade.boot('n1', false);
    await harness.untilBalanced();
    await close('b');
    await harness.pass(50);
    for (const name of NAMES)
      expect(harness.node(name).cluster.status()).toMatchObject({
        level: CLUSTER_LEVEL,
        stored: { account: 0 },
        ended: 2,
      });
  });

  it('lets channels to what all members keep wait until none is left that would take their messages for others', async () => {
    type Entry = { type: 'book'; amount: number };
    const harness = new ClusterHarness(NAMES, (cluster) => {
      cluster.replicated(
        'ledger',
        fromTransition((sum: number, { amount }: Entry) => sum + (amount ?? 1_000), 0),
      );
      cluster.entity(
        'till',
        fromTransition((sum: number, { amount }: Entry) => sum + (amount ?? 1_000), 0),
      );
    });
    harness.boot('n1', {}, { previous: true });
    harness.boot('n2');
    harness.boot('n3');
    await harness.untilBalanced();
    const { system } = harness.node('n2');
    const confirmed: string[] = [];
    for (const address of ['replicated:ledger', 'entity:till/a'])
      void system
        .reliable(system.ref<Entry>(address))
        .send({ type: 'book', amount: 5 })
        .then(() => confirmed.push(address));
    await harness.pass(3_000);
    expect(confirmed).toEqual([]);
    expect(harness.log.entries.filter(({ command }) => command.includes('tutti.delivery'))).toEqual([]);
    await harness.settle(harness.node('n1').cluster.stop());
    harness.crash('n1');
    harness.boot('n1');
    await harness.untilBalanced();
    await harness.until(() => confirmed.length === 2, 30_000);
    await harness.pass(100);
    const sums = NAMES.map((name) => {
      let sum: unknown;
      harness
        .node(name)
        .system.ref('replicated:ledger')
        .subscribe((snapshot) => {
          sum = (snapshot as { context: unknown }).context;
        });
      return () => sum;
    });
    await harness.pass(10);
    expect(sums.map((sum) => sum())).toEqual([5, 5, 5]);
  });

  it('takes no member of the version before once all are of the new one', async () => {
    const upgrade = new Upgrade();
    const { harness } = upgrade;
    for (const name of NAMES) upgrade.boot(name, false);
    await harness.untilBalanced();
    harness.crash('n3');
    await harness.until(() => harness.node('n1').cluster.members.get(nodeId('n3'))?.state === 'lost');
    // What a node without levels proposes when it joins.
    const join = { type: 'join', nodeId: 'n3', incarnation: 99, labels: {} };
    const refused = harness.node('n1').consensus.propose('membership', join);
    await expect(harness.settle(refused)).rejects.toMatchObject({ code: 'TUTTI_CLUSTER_LEVEL' });
  });
});
