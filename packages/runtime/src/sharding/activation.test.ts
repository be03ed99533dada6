import { type Consensus, VolatileConsensus } from '@tutti/consensus';
import { type LogIndex, logIndex, nodeId, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { CLUSTER_LEVEL } from '../cluster/cluster-level.ts';
import { QuorumLease } from '../cluster/quorum-lease.ts';
import type { KeptTurn } from '../system/actor-system.ts';
import { Activation } from './activation.ts';

const TURN: KeptTurn = { changed: true, persisted: () => ({ status: 'active' }), timers: () => [] };

/** One activation whose lease waits for a barrier that the test answers, and whose commits the test lets through. */
function world(durable: boolean) {
  const clock = new VirtualClock(0);
  let owns = true;
  const barriers: (() => void)[] = [];
  const consensus: Consensus = Object.assign(new VolatileConsensus(nodeId('n1'), clock), {
    readBarrier: () => new Promise<LogIndex>((resolve) => barriers.push(() => resolve(logIndex(1)))),
  });
  const lease = new QuorumLease({ consensus, clock, leaseMs: 300, renewMs: 100, isNeeded: () => true });
  const commits: (() => void)[] = [];
  const store = { commit: () => new Promise<void>((resolve) => commits.push(resolve)) };
  const activation = new Activation(
    {
      store,
      lease,
      clock,
      nodeId: 'n1',
      isOwner: () => owns,
      makeRef: () => expect.unreachable(),
      level: () => CLUSTER_LEVEL,
      onStored: () => {},
    },
    {
      name: { kind: 'k', key: 'a' },
      shard: 0,
      epoch: 3,
      durable,
      logic: { machine: 'k', version: 1, hash: '0' },
      state: undefined,
      bornAt: 0,
    },
  );
  return {
    activation,
    lets: {
      barrier: () => barriers.splice(0).forEach((answer) => answer()),
      commit: () => commits.splice(0).forEach((done) => done()),
    },
    lose: () => void (owns = false),
  };
}

describe('what a turn of an entity did', () => {
  it('waits for the lease, and is let out when the node still owns the shard then', async () => {
    const { activation, lets } = world(false);
    const waiting = activation.commit(TURN);
    expect(waiting).toBeInstanceOf(Promise);
    lets.barrier();
    await waiting;
    expect(activation.confirm()).toBeUndefined();
  });

  it.each([
    ['it was fenced', (one: ReturnType<typeof world>) => one.activation.fence()],
    ['the shard went to somebody else', (one: ReturnType<typeof world>) => one.lose()],
  ])('is not let out when %s while it waited for the lease', async (_, happens) => {
    const one = world(false);
    const waiting = one.activation.commit(TURN);
    happens(one);
    one.lets.barrier();
    await waiting;
    await expect(one.activation.confirm()).rejects.toMatchObject({
      code: 'TUTTI_EPOCH_STALE',
      details: { shard: 0, epoch: 3, node: 'n1' },
    });
    await expect(one.activation.commit(TURN)).rejects.toMatchObject({ code: 'TUTTI_EPOCH_STALE' });
  });

  it('is not let out when it was fenced while its commit was under way', async () => {
    const { activation, lets } = world(true);
    const committing = activation.commit(TURN);
    activation.fence();
    lets.commit();
    await committing;
    await expect(activation.confirm()).rejects.toMatchObject({ code: 'TUTTI_EPOCH_STALE' });
  });
});
