import { assert, type Clock } from '@tutti/kernel';

/** A number of places, of which each may be taken and given back. */
export class Places {
  readonly limit: number;
  #taken = 0;

  constructor(limit: number) {
    assert(limit > 0, 'there is at least one place');
    this.limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  take(): boolean {
    if (this.#taken >= this.limit) return false;
    this.#taken++;
    return true;
  }

  giveBack(): void {
    assert(this.#taken > 0, 'what is given back was taken');
    this.#taken--;
  }
}

/** Bytes that may pass per second. What was not used is saved up for a tenth of a second. */
export class Throttle {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  #allowance: number;
  #at: number;

  constructor(clock: Clock, bytesPerSecond: number) {
    assert(bytesPerSecond > 0, 'some bytes may pass');
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#allowance = this.#most;
    this.#at = clock.now();
  }

  get #most(): number {
    return this.#bytesPerMs * 100;
  }

  /**
   * 0: these bytes may pass, and are counted. Otherwise the milliseconds until they may. More bytes than are ever saved
   * up may pass once all of the allowance is there, and are owed.
   */
  take(bytes: number): number {
    if (this.#bytesPerMs === Infinity) return 0;
    const now = this.#clock.now();
    this.#allowance = Math.min(this.#most, this.#allowance + (now - this.#at) * this.#bytesPerMs);
    this.#at = now;
    const needed = Math.min(bytes, this.#most);
    if (this.#allowance < needed) return Math.max(1, (needed - this.#allowance) / this.#bytesPerMs);
    this.#allowance -= bytes;
    return 0;
  }
}

/** What bounds the snapshots that travel. Replicas of one process may share them. */
export interface SnapshotLimits {
  /** Snapshots that are sent at once. */
  readonly outgoing: Places;
  /** Snapshots that are received at once. */
  readonly incoming: Places;
  /** Bytes of snapshots that leave. */
  readonly throttle: Throttle;
}

/** @param bytesPerSecond `Infinity` for no limit. */
export function snapshotLimits(
  clock: Clock,
  limits: { readonly outgoing: number; readonly incoming: number; readonly bytesPerSecond: number },
): SnapshotLimits {
  return {
    outgoing: new Places(limits.outgoing),
    incoming: new Places(limits.incoming),
    throttle: new Throttle(clock, limits.bytesPerSecond),
  };
}
