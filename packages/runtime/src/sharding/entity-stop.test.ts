import { describe, expect, it } from 'vitest';
import { type EventObject, fromTransition } from 'xstate';
import { replying } from '../actor/reply.ts';
import { ClusterHarness, type Declare } from '../testing/cluster-harness.ts';
import { shardOf } from './shard-id.ts';

const NAMES = ['n1', 'n2', 'n3'];
const SHARDS = 32;

const declare: Declare = (cluster) => {
  cluster.entity(
    'counter',
    replying<number, EventObject>((count, _, reply) => {
      reply(count + 1);
      return count + 1;
    }, 0),
  );
};

/** A cluster, and a key that lives on n2 and is alive. */
async function started(config = {}): Promise<{ harness: ClusterHarness; key: string }> {
  const harness = new ClusterHarness(NAMES, declare, config);
  await harness.start();
  let n = 0;
  while (harness.ownerOf(shardOf('counter', `k${n}`, SHARDS)) !== 'n2') n++;
  const key = `k${n}`;
  await harness.settle(harness.node('n1').cluster.ref('counter', key).ask({ type: 'add' }));
  return { harness, key };
}

const refOf = (harness: ClusterHarness, key: string) => harness.node('n1').cluster.ref('counter', key);
const entitiesOf = (harness: ClusterHarness) => harness.node('n2').cluster.status().entities;

/** How long it takes, in virtual time. */
async function timeOf(harness: ClusterHarness, promise: Promise<unknown>): Promise<number> {
  const begunAt = harness.clock.now();
  await harness.settle(promise, 60_000);
  return harness.clock.now() - begunAt;
}

describe('the stop of an entity', () => {
  it('waits for an owner that stands still for longer than an ask takes', async () => {
    const { harness, key } = await started({ silenceMs: 60_000, unreachableMs: 60_000 });
    harness.pause('n2');
    harness.clock.setTimer(25_000, () => harness.resume('n2'));
    expect(await timeOf(harness, refOf(harness, key).stop())).toBeGreaterThanOrEqual(25_000);
    expect(entitiesOf(harness)).toEqual({});
  });

  it('waits for a shard to have an owner again', async () => {
    const { harness, key } = await started({ takeoverWaitMs: 20_000 });
    harness.crash('n2');
    expect(await timeOf(harness, refOf(harness, key).stop())).toBeGreaterThan(20_000);
    expect(await harness.settle(refOf(harness, key).ask({ type: 'add' }))).toBe(2);
  });

  it('is not over with the ask in whose course it is asked for', async () => {
    const { harness, key } = await started({ silenceMs: 60_000, unreachableMs: 60_000 });
    const stops: Promise<void>[] = [];
    const stopper = harness.node('n1').system.spawn(
      fromTransition((state: null, { type }: { type: string }) => {
        if (type === 'stop it') stops.push(refOf(harness, key).stop());
        return state;
      }, null),
    );
    harness.pause('n2');
    harness.clock.setTimer(500, () => harness.resume('n2'));
    const asked = stopper.ask({ type: 'stop it' }, { timeoutMs: 50 });
    await expect(harness.settle(asked)).rejects.toMatchObject({ code: 'TUTTI_ASK_TIMEOUT' });
    await harness.settle(stops[0]!);
    expect(entitiesOf(harness)).toEqual({});
  });

  it('asked for twice at once is one', async () => {
    const { harness, key } = await started();
    await harness.settle(Promise.all([refOf(harness, key).stop(), refOf(harness, key).stop()]));
    expect(entitiesOf(harness)).toEqual({});
    expect(await harness.settle(refOf(harness, key).ask({ type: 'add' }))).toBe(2);
  });

  it('ends with the node that waits for it', async () => {
    const { harness, key } = await started({ silenceMs: 60_000, unreachableMs: 60_000 });
    harness.pause('n2');
    const stopped = refOf(harness, key).stop();
    stopped.catch(() => {});
    await harness.pass(100);
    await harness.settle(harness.node('n1').cluster.stop({ handOver: false }));
    await expect(harness.settle(stopped)).rejects.toMatchObject({ code: 'TUTTI_CLOSED' });
  });
});
