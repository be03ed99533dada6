import type { Clock } from '@tutti/kernel';
import type { ReplicaConfig } from './replica-options.ts';

/** After a snapshot that could not be written, the next attempt waits this long: the disk may be full. */
const RETRY_MS = 5_000;

/**
 * Decides when a snapshot is due: at every index that `snapshotEntries` divides, and whenever the bytes applied since
 * the log began pass a multiple of `snapshotBytes`. So all nodes take theirs at the same entries, and a transfer that
 * one of them began can go on from another. A state that is larger than `snapshotBytes` waits until the log has grown
 * by `snapshotGrowth` of it: writing it all for a little log would cost more than the log. A node whose last snapshot was
 * demanded, or came from elsewhere, counts that growth from another entry than the others do, and a transfer that goes on
 * from it begins anew.
 *
 * Once due, it stays due until one is stored, however often that fails or is given up; and what becomes due while one
 * is being written is not taken for done with it.
 */
export class SnapshotSchedule {
  readonly #clock: Clock;
  readonly #config: Required<ReplicaConfig>;
  /** The size of the newest snapshot, and the bytes that were applied before it, or before the one being written. */
  #size = 0;
  #coveredBytes = 0;
  #coveredBefore = 0;
  #due = false;
  #retryAt = -Infinity;

  constructor(clock: Clock, config: Required<ReplicaConfig>) {
    this.#clock = clock;
    this.#config = config;
  }

  get due(): boolean {
    return this.#due && this.#clock.now() >= this.#retryAt;
  }

  /** Whether one is due, if not at once. */
  get isOwed(): boolean {
    return this.#due;
  }

  /** An entry was applied. True when that made a snapshot due. */
  applied(index: number, bytes: number, appliedBytes: number): boolean {
    if (this.#due) return false;
    const { snapshotEntries, snapshotBytes } = this.#config;
    const passes = (total: number) =>
      Math.floor(total / snapshotBytes) !== Math.floor((total - bytes) / snapshotBytes);
    if (index % snapshotEntries !== 0 && !passes(appliedBytes)) return false;
    this.#due = this.#isWorthwhile(appliedBytes);
    return this.#due;
  }

  #isWorthwhile(appliedBytes: number): boolean {
    const { snapshotBytes, snapshotGrowth } = this.#config;
    return this.#size <= snapshotBytes || appliedBytes - this.#coveredBytes >= this.#size * snapshotGrowth;
  }

  /** One is wanted whatever the log has grown by: what is stored cannot be read, or somebody asks for one. */
  demand(): void {
    this.#due = true;
    this.#retryAt = -Infinity;
  }

  /** One is being written of what was applied by now. What becomes due from now on is another. */
  begun(appliedBytes: number): void {
    this.#due = false;
    this.#coveredBefore = this.#coveredBytes;
    this.#coveredBytes = appliedBytes;
  }

  /** The one that was begun is not going to be stored: it is due again, at once or, if the disk refused it, later. */
  failed(refused: boolean): void {
    this.#due = true;
    this.#coveredBytes = this.#coveredBefore;
    if (refused) this.#retryAt = this.#clock.now() + RETRY_MS;
  }

  /** The one that was begun is stored, and has this size. */
  stored(size: number): void {
    this.#size = size;
  }

  /** The state has come from a snapshot of this size: nothing is due. */
  restored(size: number, appliedBytes: number): void {
    this.#size = size;
    this.#coveredBytes = appliedBytes;
    this.#due = false;
  }
}
