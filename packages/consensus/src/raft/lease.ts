import type { RaftState } from './raft-state.ts';

/**
 * A leader's lease on reads (Raft thesis 6.4.1): while no other leader can have been elected, reads need no round of
 * heartbeats. It rests on the others' promise to elect nobody within an election timeout of hearing this leader, so
 * - it runs from when a heartbeat was **sent** that a quorum answered, never from when the answers came;
 * - it is measured on this node's monotonic clock, which goes on while the event loop stands still: its ticks do not;
 * - it is shorter than what the others wait, by as much as clocks may differ in rate, and by what each of them says of
 *   its own numbers: they may be others than here, as while all nodes are given new ones one by one;
 * - a voter that has just started may have promised something in its earlier life, and waits, see `hearsLeader`.
 */
export class Lease {
  readonly #lengthMs: number;
  readonly #now: () => number;
  #until = -Infinity;
  #forfeited = false;

  /** @param lengthMs 0: there are no leases. */
  constructor(lengthMs: number, now: () => number) {
    this.#lengthMs = lengthMs;
    this.#now = now;
  }

  /** Whether leases are wanted at all. */
  get enabled(): boolean {
    return this.#lengthMs > 0;
  }

  get held(): boolean {
    return this.enabled && !this.#forfeited && this.#now() < this.#until;
  }

  now(): number {
    return this.#now();
  }

  /** A quorum has answered what was sent at `sentAtMs`, and keeps silent for `silentMs` by what its nodes said. */
  renew(sentAtMs: number, silentMs: number): void {
    this.#until = Math.max(this.#until, sentAtMs + Math.min(this.#lengthMs, silentMs));
  }

  /** Ends it now; the next answered heartbeat begins another. */
  drop(): void {
    this.#until = -Infinity;
  }

  /**
   * Ends it for the rest of the term. Once somebody was told to campaign without waiting, the others' promise is
   * worth nothing: that word may arrive at any time, even after the transfer was given up.
   */
  forfeit(): void {
    this.#forfeited = true;
  }
}

/**
 * The lease that a replica's numbers allow, its own and another's that counts on it as a voter, in milliseconds of the
 * leader's clock; 0 where they allow none. A voter counts `electionTimeoutTicks` of its ticks, of which two may be all
 * but over when the heartbeat comes: a loop that stood still hears what came meanwhile first, then judges the tick that
 * was due before, and then the one due since.
 */
export function leaseMs(electionTimeoutTicks: number, tickMs: number, driftMax: number): number {
  return Math.max(0, electionTimeoutTicks - 2) * tickMs * (1 - driftMax);
}

/** Whether this node may answer reads at its commit index without asking anybody. */
export function holdsLease(state: RaftState): boolean {
  return state.role === 'leader' && state.lease.held;
}
