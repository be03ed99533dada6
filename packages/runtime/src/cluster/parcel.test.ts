import { CHANNEL } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replying } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { readActorMessage } from './parcel.ts';

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
    },
    { requiredKeys: ['t'] },
  ),
);

describe('what another node sends', () => {
  it('is read as a message only with all its fields', () => {
    expect(readActorMessage({ t: 'send', to: 'a', event: { type: 'x' }, hops: 0, epoch: 0 })).toBeDefined();
    for (const field of ['to', 'event', 'hops', 'epoch']) {
      const lacking: Record<string, unknown> = {
        t: 'send',
        to: 'a',
        event: { type: 'x' },
        hops: 0,
        epoch: 0,
      };
      delete lacking[field];
      expect(readActorMessage(lacking), field).toBeUndefined();
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
    const ask = { t: 'ask', to: 'entity:a/b', event: { type: 'x' }, hops: 0, epoch: 0, id: 1 };
    for (const ttlMs of [Number.NaN, -1, '5', undefined])
      expect(readActorMessage({ ...ask, ttlMs })).toBeUndefined();
    expect(readActorMessage({ ...ask, ttlMs: Number.POSITIVE_INFINITY })).toBeDefined();
  });

  it('is no answer when another node was asked', async () => {
    const harness = new ClusterHarness(['n1', 'n2', 'n3'], () => {});
    await harness.start();
    const ref = harness.node('n1').system.spawn(replying<null, { type: 'x' }>((state) => state, null));
    const { system, transport } = harness.node('n2');
    const ask = system.ref(ref.address).ask({ type: 'x' }, { timeoutMs: 1_000 });
    const life = transport.self.incarnation;
    for (let id = 0; id < 100; id++)
      harness
        .node('n3')
        .transport.send(transport.self.nodeId, CHANNEL.actors, { t: 'reply', id, life, value: 'forged' });
    await expect(harness.settle(ask)).rejects.toThrow(/No reply/);
  });
});
