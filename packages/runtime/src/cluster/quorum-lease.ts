import type { Consensus } from '@tutti/consensus';
import type { Clock, Timer, TuttiError } from '@tutti/kernel';

interface QuorumLeaseOptions {
  readonly consensus: Consensus;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly renewMs: number;
  /** Whether somebody here needs it; while not, it is not renewed and costs nothing. */
  readonly isNeeded: () => boolean;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * A node's right to let its entities act. Each read barrier that a quorum answered extends it to `leaseMs` after the
 * barrier began, so a node that is cut off, or slept, finds it over by its own clock before anybody else may take its
 * shards (`clusterConfig` states the inequality). When it is over entities do not die: what they computed waits,
 * unseen, until a barrier shows that they still own their keys, or that they do not.
 */
export class QuorumLease {
  readonly #options: QuorumLeaseOptions;
  readonly #waiters = new Set<Waiter>();
  #until = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #renewing = false;
  #revoked: TuttiError | undefined;

  constructor(options: QuorumLeaseOptions) {
    this.#options = options;
  }

  get isValid(): boolean {
    return this.#revoked === undefined && this.#options.clock.now() < this.#until;
  }

  start(): void {
    if (this.#timer === undefined) this.#tick();
  }

  /** Ends it for good: those who wait are refused, now and later. */
  revoke(error: TuttiError): void {
    this.#revoked ??= error;
    if (this.#timer) this.#options.clock.clearTimer(this.#timer);
    for (const waiter of this.#waiters) waiter.reject(this.#revoked);
    this.#waiters.clear();
  }

  /** Resolves when the lease is valid. Rejects once it is revoked. Bounded by the activations of the node. */
  whenValid(): Promise<void> {
    if (this.#revoked) return Promise.reject(this.#revoked);
    if (this.isValid) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.add({ resolve, reject });
      void this.#renew();
    });
  }

  #tick(): void {
    if (this.#revoked) return;
    const { clock, renewMs, isNeeded } = this.#options;
    if (isNeeded() || this.#waiters.size > 0) void this.#renew();
    this.#timer = clock.setTimer(renewMs, () => this.#tick());
  }

  async #renew(): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    const { clock, consensus, leaseMs } = this.#options;
    const startedAt = clock.now();
    try {
      await consensus.readBarrier({ timeoutMs: leaseMs });
      this.#until = Math.max(this.#until, startedAt + leaseMs);
    } catch {
      // No quorum for now; the next tick tries again, and until then the lease runs out.
    } finally {
      this.#renewing = false;
    }
    if (!this.isValid) return;
    for (const waiter of this.#waiters) waiter.resolve();
    this.#waiters.clear();
  }
}
