import { CHANNEL, incarnation } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replying } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { type ActorMessage, readActorMessage, writeActorMessage } from './parcel.ts';

const names = fc.constantFrom(
  'send',
  'ask',
  'reply',
  'fail',
  'watch',
  'subscribe',
  'stop',
  'release',
  'ended',
  'snapshot',
  'settled',
  'handed',
  'handedAll',
  'kept',
);
const odd = fc.oneof(
  fc.constantFrom(
    0,
    1,
    7,
    -1,
    1.5,
    null,
    'x',
    '',
    'local:n1/1/a',
    'entity:a/b',
    'entity:',
    'replicated:x',
    { type: 'x' },
    { type: 1 },
    [],
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const message = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.tuple(names, fc.array(odd, { maxLength: 7 })).map(([t, fields]) => [t, ...fields]),
  fc.record(
    {
      t: names,
      to: odd,
      event: odd,
      hops: odd,
      epoch: odd,
      id: odd,
      ttlMs: odd,
      life: odd,
      error: odd,
      reason: odd,
      value: odd,
      shard: odd,
      shards: odd,
      count: odd,
      isKept: odd,
    },
    { requiredKeys: ['t'] },
  ),
);

describe('what another node sends', () => {
  const send: unknown[] = ['send', 'a', { type: 'x' }, 0, 0];
  const ask: unknown[] = ['ask', 'entity:a/b', { type: 'x' }, 0, 0, 1, 5];
  const reply = ['reply', 1, 1, 'answer'];
  const handed: unknown[] = ['handed', 3, 7, ...send];

  it('is read as a message only with all its fields, and no more', () => {
    for (const whole of [send, ask, reply, handed]) {
      expect(readActorMessage(whole), String(whole[0])).toMatchObject({ t: whole[0] });
      expect(readActorMessage([...whole, 1])).toBeUndefined();
      for (let length = 0; length < whole.length; length++)
        expect(readActorMessage(whole.slice(0, length)), `${String(whole[0])}, ${length}`).toBeUndefined();
    }
    for (const at of [1, 2, 3, 4])
      expect(readActorMessage(send.with(at, null)), `field ${at}`).toBeUndefined();
  });

  it('comes out as it was written, whatever its kind', () => {
    const life = incarnation(3);
    const event = { type: 'x', list: [1, { deep: true }] };
    const messages: ActorMessage[] = [
      { t: 'send', to: 'local:n1/1/a', event, hops: 1, epoch: 2 },
      { t: 'ask', to: 'entity:a/b', event, hops: 0, epoch: 7, id: 9, ttlMs: 12.5 },
      { t: 'reply', id: 9, life, value: event },
      { t: 'fail', id: 9, life, error: { code: 'TUTTI_ACTOR_FAILED', message: 'it failed', details: {} } },
      { t: 'watch', id: 1, to: 'a' },
      { t: 'subscribe', id: 1, to: 'a' },
      { t: 'stop', id: 1, to: 'a' },
      { t: 'release', id: 1 },
      { t: 'ended', id: 1, life, reason: 'failed', problem: 'why' },
      { t: 'snapshot', id: 1, life, snapshot: { n: 1 } },
      { t: 'handed', shard: 3, epoch: 7, parcel: { t: 'send', to: 'entity:a/b', event, hops: 1, epoch: 7 } },
      {
        t: 'handed',
        shard: 0,
        epoch: 7,
        parcel: { t: 'ask', to: 'entity:a/b', event, hops: 1, epoch: 7, id: 9, ttlMs: 5 },
      },
      { t: 'settled', shards: [{ shard: 3, epoch: 7 }] },
      { t: 'handedAll', id: 4, shard: 3, epoch: 7, count: 2 },
      { t: 'kept', id: 4, life, isKept: false },
    ];
    for (const sent of messages) {
      const carried: unknown = structuredClone(writeActorMessage(sent));
      expect(readActorMessage(carried)).toEqual(sent);
    }
  });

  it('does no harm, whatever it is: the node goes on and answers', async () => {
    const harness = new ClusterHarness(['n1', 'n2', 'n3'], (cluster) => {
      cluster.entity(
        'echo',
        replying<null, { type: 'say' }>((_, event, reply) => {
          reply(event.type);
          return null;
        }, null),
      );
    });
    await harness.start();
    const { transport, cluster } = harness.node('n1');
    for (const garbage of fc.sample(message, { numRuns: 600, seed: 7 })) {
      transport.send(harness.node('n2').nodeId, CHANNEL.actors, garbage);
      transport.send(harness.node('n2').nodeId, CHANNEL.probes, garbage);
    }
    await harness.pass(500);
    for (const key of ['a', 'b', 'c', 'd'])
      expect(await harness.settle(cluster.ref('echo', key).ask({ type: 'say' }))).toBe('say');
    expect(harness.living()).toHaveLength(3);
  });

  it('is no ask when its time is no number to wait for', () => {
    for (const ttlMs of [Number.NaN, -1, '5', undefined])
      expect(readActorMessage(ask.with(6, ttlMs))).toBeUndefined();
    expect(readActorMessage(ask.with(6, Number.POSITIVE_INFINITY))).toBeDefined();
  });

  it('is no answer when another node was asked', async () => {
    const harness = new ClusterHarness(['n1', 'n2', 'n3'], () => {});
    await harness.start();
    const ref = harness.node('n1').system.spawn(replying<null, { type: 'x' }>((state) => state, null));
    const { system, transport } = harness.node('n2');
    const ask = system.ref(ref.address).ask({ type: 'x' }, { timeoutMs: 1_000 });
    const life = transport.self.incarnation;
    for (let id = 0; id < 100; id++)
      harness.node('n3').transport.send(transport.self.nodeId, CHANNEL.actors, ['reply', id, life, 'forged']);
    await expect(harness.settle(ask)).rejects.toThrow(/No reply/);
  });
});
