import { CHANNEL, type NodeId } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { reply } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';

const NAMES = ['n1', 'n2', 'n3'];

type ListEvent = { type: 'add'; item: number } | { type: 'read' };

const list = setup({
  types: { context: {} as { items: readonly number[] }, events: {} as ListEvent },
}).createMachine({
  context: { items: [] },
  on: {
    add: { actions: assign({ items: ({ context, event }) => [...context.items, event.item] }) },
    read: { actions: reply(({ context }) => context.items) },
  },
});

interface Sent {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The life of the receiver that the link led to. */
  readonly life: number;
  readonly item: number;
}

/** A whole cluster, and every `add` that goes from one node to another. */
async function watched(
  suits: (beginning: readonly [string, string]) => boolean = () => true,
): Promise<{ harness: ClusterHarness; sent: Sent[] }> {
  let harness: ClusterHarness;
  let seed = 1;
  do {
    harness = new ClusterHarness(NAMES, (cluster) => void cluster.entity('list', list), {}, seed);
    await harness.start();
  } while (!suits(beginningOf(harness)) && ++seed < 20);
  const sent: Sent[] = [];
  harness.network.onSent = (from, to, channel, message) => {
    if (channel !== CHANNEL.actors || !Array.isArray(message)) return;
    const [t, , event] = message as [string, string, ListEvent];
    if (t !== 'send' || event.type !== 'add') return;
    const life = harness.network.ends.get(to)!.self.incarnation;
    sent.push({ from, to, life, item: event.item });
  };
  return { harness, sent };
}

/** Who leads, and who had all shards before there were others. */
function beginningOf({ log }: ClusterHarness): readonly [leader: string, first: string] {
  const first = log.entries
    .map(({ command }) => JSON.parse(command) as { type: string; moves?: readonly { nodeId: string }[] })
    .find(({ type }) => type === 'assign');
  return [log.leader ?? '', first?.moves?.[0]?.nodeId ?? ''];
}

/** A key whose entity lives on this node. */
async function keyOn(harness: ClusterHarness, name: string): Promise<string> {
  for (let at = 0; at < 100; at++) {
    const before = harness.node(name).cluster.status().entities['list'] ?? 0;
    await harness.settle(harness.node(name).cluster.ref<ListEvent>('list', `k${at}`).ask({ type: 'read' }));
    if ((harness.node(name).cluster.status().entities['list'] ?? 0) > before) return `k${at}`;
  }
  throw new Error(`${name} has none of a hundred keys`);
}

const read = (harness: ClusterHarness, through: string, key: string): Promise<unknown> =>
  harness.settle(harness.node(through).cluster.ref<ListEvent>('list', key).ask({ type: 'read' }));

describe('a message whose sender knows a map of the past', () => {
  it('waits until a node that comes back has joined: what it reads of its log until then names owners of the past', async () => {
    const { harness, sent } = await watched(([leader, first]) => leader !== first);
    const [leader, first] = beginningOf(harness);
    const back = NAMES.find((name) => name !== leader && name !== first)!;
    harness.crash(back);
    await harness.pass(3_000);
    const key = await keyOn(harness, leader);
    // It comes to read its log when its links to all but one are up.
    const { cluster, started, nodeId: id } = harness.boot(back);
    harness.network.cut(id, harness.node(leader).nodeId);
    for (const item of [1, 2, 3]) cluster.ref<ListEvent>('list', key).send({ type: 'add', item });
    await harness.pass(100);
    harness.network.healAll();
    await harness.settle(started);
    cluster.ref<ListEvent>('list', key).send({ type: 'add', item: 4 });
    await harness.untilBalanced();
    expect(await read(harness, first, key)).toEqual([1, 2, 3, 4]);
    expect(sent.map(({ from, to }) => `${from} ${to}`)).toEqual(
      Array.from({ length: 4 }, () => `${back} ${leader}`),
    );
  });

  it('waits while the owner that it names has been followed by another life of that node', async () => {
    const { harness, sent } = await watched();
    await harness.until(() => harness.log.leader !== undefined);
    const leader = harness.log.leader!;
    const [blind, reborn] = NAMES.filter((name) => name !== leader) as [string, string];
    const key = await keyOn(harness, reborn);
    const owner = harness.node(reborn).system.incarnation;
    // It hears nothing of the log, and has its link to the owner's node.
    harness.network.cut(harness.node(blind).nodeId, leader);
    harness.crash(reborn);
    harness.boot(reborn);
    await harness.pass(100);
    const { cluster, transport } = harness.node(blind);
    expect(cluster.members.get(harness.node(reborn).nodeId)?.incarnation).toBe(owner);
    expect(transport.linked().map(({ incarnation }) => incarnation)).toEqual([
      harness.node(reborn).system.incarnation,
    ]);
    cluster.ref<ListEvent>('list', key).send({ type: 'add', item: 1 });
    expect(sent).toEqual([]);
    expect(cluster.status().buffered).toBe(1);
    harness.network.healAll();
    await harness.untilBalanced();
    expect(await read(harness, blind, key)).toEqual([1]);
  });
});
