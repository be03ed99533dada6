import type { Clock } from '@tutti/kernel';
import type { ReplicaConfig } from './replica-options.ts';

/** Bytes that one read is of. */
export const PIECE_BYTES = 64 * 1024;
/** What could not be done is tried again after this long. */
export const RETRY_MS = 5_000;

type PaceConfig = Pick<Required<ReplicaConfig>, 'scrubBytesPerSecond' | 'scrubEveryMs'>;

/** How fast a store is read again, and how often. */
export class ScrubPace {
  readonly #clock: Clock;
  readonly #config: PaceConfig;
  #budget = 0;
  #tickedAt: number;
  #restsUntil: number;

  constructor(clock: Clock, config: PaceConfig) {
    this.#clock = clock;
    this.#config = config;
    this.#tickedAt = clock.now();
    // All of it was read when the store was opened.
    this.#restsUntil = this.#tickedAt + config.scrubEveryMs;
  }

  /** Time has passed. @returns whether a piece may be read now */
  tick(): boolean {
    const { scrubBytesPerSecond } = this.#config;
    if (scrubBytesPerSecond <= 0) return false;
    const now = this.#clock.now();
    const earned = ((now - this.#tickedAt) * scrubBytesPerSecond) / 1_000;
    // A loop that stood still makes up for nothing.
    this.#budget = Math.min(PIECE_BYTES, this.#budget + Math.max(0, earned));
    this.#tickedAt = now;
    return now >= this.#restsUntil && this.#budget >= Math.min(PIECE_BYTES, scrubBytesPerSecond);
  }

  /** So many bytes have been read. */
  read(bytes: number): void {
    this.#budget -= bytes;
  }

  /** Everything has been read. */
  passed(): void {
    this.#restsUntil = this.#clock.now() + this.#config.scrubEveryMs;
  }

  postpone(): void {
    this.#restsUntil = this.#clock.now() + RETRY_MS;
  }

  /** Something is suspected: a pass that is not due yet begins. */
  hurry(): void {
    this.#restsUntil = this.#clock.now();
  }
}
