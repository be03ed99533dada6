import { isTuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import type { Ref } from '../actor/ref.ts';
import { replying } from '../actor/reply.ts';
import { shardOf } from '../sharding/shard-id.ts';
import { type Agreement, ClusterHarness, type Declare } from '../testing/cluster-harness.ts';

type ShelfEvent =
  | { readonly type: 'keep'; readonly value: unknown }
  | { readonly type: 'spoil'; readonly how: keyof typeof SPOILT }
  | { readonly type: 'read' };

const nested = (depth: number): unknown => (depth === 0 ? [] : [nested(depth - 1)]);

/** What cannot be in a stored state. */
const SPOILT = {
  map: () => new Map(),
  deep: () => nested(100),
  large: () => 'x'.repeat(2 * 1024 * 1024),
};

/** Keeps what it is given. */
const shelf = () =>
  replying<readonly unknown[], ShelfEvent>((kept, event, answer) => {
    answer(kept);
    if (event.type === 'keep') return [...kept, event.value];
    return event.type === 'spoil' ? [...kept, SPOILT[event.how]()] : kept;
  }, []);

async function harnessOf(agreement: Agreement = 'oracle'): Promise<ClusterHarness> {
  const declare: Declare = (cluster) => {
    cluster.entity('shelf', shelf());
    cluster.replicated('book', shelf());
  };
  const harness = new ClusterHarness(['n1', 'n2', 'n3'], declare, {}, 1, agreement);
  await harness.start();
  return harness;
}

/** Keys of which n1 is the owner, or is not. */
const keysOf = (harness: ClusterHarness, isOwn: boolean) =>
  Array.from('abcdefghijklmnopqrst').filter(
    (key) => (harness.ownerOf(shardOf('shelf', key, 32)) === 'n1') === isOwn,
  );

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'confirmed',
    (error: unknown) => (isTuttiError(error) ? error.code : error),
  );

describe('a reliable channel', () => {
  it.each<[string, (harness: ClusterHarness) => Ref]>([
    [
      'an actor of another node',
      (harness) => harness.node('n1').system.ref(harness.node('n2').system.spawn(shelf()).address),
    ],
    [
      'an entity of another node',
      (harness) => harness.node('n1').cluster.ref('shelf', keysOf(harness, false)[0]!),
    ],
    ['a replicated logic', (harness) => harness.node('n1').system.ref('replicated:book')],
  ])('to %s rejects a message that cannot travel, and goes on', async (_, place) => {
    const harness = await harnessOf();
    const ref = place(harness);
    const { system } = harness.node('n1');
    const channel = system.reliable(ref);
    const ends = [1, new Map(), 3].map((value) =>
      codeOf(channel.send({ type: 'keep', value } as ShelfEvent)),
    );
    expect(await harness.settle(Promise.all(ends))).toEqual([
      'confirmed',
      'TUTTI_VALUE_NOT_PLAIN',
      'confirmed',
    ]);
    expect(await harness.settle(ref.ask({ type: 'read' }))).toEqual([1, 3]);
    await harness.settle(channel.close());
    expect(system.deadLetters.counts().unconfirmed).toBe(1);
  });

  it.each<[keyof typeof SPOILT, string]>([
    ['map', 'TUTTI_VALUE_NOT_PLAIN'],
    ['deep', 'TUTTI_VALUE_TOO_DEEP'],
    ['large', 'TUTTI_PROPOSAL_TOO_LARGE'],
  ])(
    'rejects what makes a state that cannot be stored (%s), and none of those sent with it',
    async (how, code) => {
      const harness = await harnessOf('raft');
      const ref = harness.node('n1').cluster.ref('shelf', 'a');
      const channel = harness.node('n1').system.reliable(ref);
      const send = (event: ShelfEvent) => codeOf(channel.send(event));
      expect(await harness.settle(send({ type: 'keep', value: 0 }))).toBe('confirmed');
      const ends = [
        send({ type: 'keep', value: 1 }),
        send({ type: 'spoil', how }),
        send({ type: 'keep', value: 2 }),
        send({ type: 'spoil', how }),
        send({ type: 'keep', value: 3 }),
      ];
      expect(await harness.settle(Promise.all(ends))).toEqual([
        'confirmed',
        code,
        'confirmed',
        code,
        'confirmed',
      ]);
      expect(await harness.settle(ref.ask({ type: 'read' }))).toEqual([0, 1, 2, 3]);
    },
  );
});

it('a state that cannot be stored fails no other entity that is committed in the same turn', async () => {
  const harness = await harnessOf();
  const refs = keysOf(harness, true)
    .slice(0, 3)
    .map((key) => harness.node('n1').cluster.ref('shelf', key));
  await harness.settle(Promise.all(refs.map((ref) => ref.ask({ type: 'read' }))));
  const events: ShelfEvent[] = [
    { type: 'keep', value: 1 },
    { type: 'spoil', how: 'map' },
    { type: 'keep', value: 3 },
  ];
  const ends = refs.map((ref, at) => codeOf(ref.ask(events[at]!)));
  expect(await harness.settle(Promise.all(ends))).toEqual([
    'confirmed',
    'TUTTI_VALUE_NOT_PLAIN',
    'confirmed',
  ]);
  const kept = await harness.settle(Promise.all(refs.map((ref) => ref.ask({ type: 'read' }))));
  expect(kept).toEqual([[1], [], [3]]);
});
