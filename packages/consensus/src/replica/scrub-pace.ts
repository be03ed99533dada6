import type { Clock } from '@tutti/kernel';
import type { ReplicaConfig } from './replica-options.ts';

/** Bytes that one read is of. */
export const PIECE_BYTES = 64 * 1024;
/** What could not be done is tried again after this long. */
export const RETRY_MS = 5_000;

type PaceConfig = Pick<
  Required<ReplicaConfig>,
  'scrubBytesPerSecond' | 'scrubBytesPerSecondMin' | 'scrubEveryMs'
>;

/** When the next piece may be read: not yet; as soon as nothing is being written; or now, beside what is being written. */
export type ScrubTurn = 'later' | 'when idle' | 'now';

/** Bytes that may be read, earned at a rate; what is not used up to a piece is lost. */
class Allowance {
  readonly #bytesPerSecond: number;
  #bytes = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  get isEnough(): boolean {
    return this.#bytesPerSecond > 0 && this.#bytes >= Math.min(PIECE_BYTES, this.#bytesPerSecond);
  }

  earn(ms: number): void {
    this.#bytes = Math.min(PIECE_BYTES, this.#bytes + (ms * this.#bytesPerSecond) / 1_000);
  }

  /** @param debtMax How much may be used before it is earned. */
  use(bytes: number, debtMax: number): void {
    this.#bytes = Math.max(-debtMax, this.#bytes - bytes);
  }
}

/**
 * How fast a store is read again, and how often. Writes come first, and in a store that is written to all the time they
 * would always: so a part of the pace is kept up whatever is being written.
 */
export class ScrubPace {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #all: Allowance;
  readonly #beside: Allowance;
  #tickedAt: number;
  #restsUntil: number;

  constructor(clock: Clock, config: PaceConfig) {
    this.#clock = clock;
    this.#everyMs = config.scrubEveryMs;
    this.#all = new Allowance(config.scrubBytesPerSecond);
    this.#beside = new Allowance(config.scrubBytesPerSecondMin);
    this.#tickedAt = clock.now();
    // All of it was read when the store was opened.
    this.#restsUntil = this.#tickedAt + this.#everyMs;
  }

  /** Time has passed. */
  tick(): ScrubTurn {
    const now = this.#clock.now();
    // A loop that stood still makes up for nothing.
    const passedMs = Math.max(0, now - this.#tickedAt);
    this.#tickedAt = now;
    this.#all.earn(passedMs);
    this.#beside.earn(passedMs);
    if (now < this.#restsUntil || !this.#all.isEnough) return 'later';
    return this.#beside.isEnough ? 'now' : 'when idle';
  }

  /** So many bytes have been read, where a record is larger than a piece also more; `isBeside` on the turn 'now'. */
  read(bytes: number, isBeside: boolean): void {
    this.#all.use(bytes, Infinity);
    // What was read while nothing was written delays nothing that is to be read beside writes.
    this.#beside.use(bytes, isBeside ? Infinity : 0);
  }

  /** Everything has been read. */
  passed(): void {
    this.#restsUntil = this.#clock.now() + this.#everyMs;
  }

  postpone(): void {
    this.#restsUntil = this.#clock.now() + RETRY_MS;
  }

  /** Something is suspected: a pass that is not due yet begins. */
  hurry(): void {
    this.#restsUntil = this.#clock.now();
  }
}
