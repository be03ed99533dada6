import { VolatileConsensus } from '@tutti/consensus';
import { type LogIndex, nodeId, settled, TuttiError, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { QuorumLease } from './quorum-lease.ts';

/** A consensus whose barriers are answered by hand. */
class Barriers extends VolatileConsensus {
  readonly open: { resolve: (index: LogIndex) => void; reject: (error: Error) => void }[] = [];

  override readBarrier(): Promise<LogIndex> {
    return new Promise((resolve, reject) => this.open.push({ resolve, reject }));
  }

  async answer(): Promise<void> {
    this.open.shift()!.resolve(0 as LogIndex);
    await settled();
  }

  async refuse(): Promise<void> {
    this.open.shift()!.reject(new TuttiError('TUTTI_NO_LEADER', { known: 'none' }));
    await settled();
  }
}

function leased(isNeeded = () => true) {
  const clock = new VirtualClock();
  const consensus = new Barriers(nodeId('n1'), clock);
  const lease = new QuorumLease({ consensus, clock, leaseMs: 300, renewMs: 100, isNeeded });
  return { clock, consensus, lease };
}

describe('the lease of a node', () => {
  it('lasts from the start of a barrier, not from its answer', async () => {
    const { clock, consensus, lease } = leased();
    lease.start();
    clock.advance(200);
    expect(lease.isValid).toBe(false);
    await consensus.answer();
    expect(lease.isValid).toBe(true);
    clock.advance(99);
    expect(lease.isValid).toBe(true);
    clock.advance(1);
    expect(lease.isValid).toBe(false);
  });

  it('is not given by a barrier that was answered when it was over already', async () => {
    const { clock, consensus, lease } = leased();
    lease.start();
    clock.advance(400);
    await consensus.answer();
    expect(lease.isValid).toBe(false);
  });

  it('lets those who wait go on once it is renewed, after any number of failures', async () => {
    const { clock, consensus, lease } = leased(() => false);
    lease.start();
    let went = false;
    void lease.whenValid().then(() => {
      went = true;
    });
    for (let i = 0; i < 3; i++) {
      await consensus.refuse();
      expect(went).toBe(false);
      clock.advance(100);
    }
    await consensus.answer();
    expect(went).toBe(true);
  });

  it('costs nothing while nobody needs it', () => {
    const { clock, consensus, lease } = leased(() => false);
    lease.start();
    clock.advance(10_000);
    expect(consensus.open).toEqual([]);
  });

  it('never comes back when it was revoked, and refuses those who wait', async () => {
    const { consensus, lease } = leased();
    lease.start();
    const waiting = lease.whenValid().catch((thrown: unknown) => thrown);
    const reason = new TuttiError('TUTTI_CLOSED', { what: 'This node' });
    lease.revoke(reason);
    expect(await waiting).toBe(reason);
    await consensus.answer();
    expect(lease.isValid).toBe(false);
    await expect(lease.whenValid()).rejects.toBe(reason);
  });
});
