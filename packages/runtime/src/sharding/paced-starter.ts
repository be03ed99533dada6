import type { Clock, Timer } from '@tutti/kernel';
import type { EntityName } from './shard-id.ts';

/** The least time between two lots. */
const LOT_MS = 10;

interface PacedStarterOptions {
  readonly clock: Clock;
  /** Entities started in a second. */
  readonly perSecond: number;
  readonly start: (name: EntityName) => void;
}

/**
 * Starts entities in order and no faster than a rate, so that a node which takes over many of them goes on answering. It
 * holds names only, at most those of the entities that this node owns.
 */
export class PacedStarter {
  readonly #options: PacedStarterOptions;
  readonly #lot: number;
  readonly #everyMs: number;
  /** By address. */
  readonly #due = new Map<string, EntityName>();
  #timer: Timer | undefined;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(options: PacedStarterOptions) {
    this.#options = options;
    this.#lot = Math.max(1, Math.floor((options.perSecond * LOT_MS) / 1_000));
    this.#everyMs = (this.#lot * 1_000) / options.perSecond;
  }

  /** Those that wait for their start. */
  get size(): number {
    return this.#due.size;
  }

  add(address: string, name: EntityName): void {
    this.#due.set(address, name);
    this.#schedule();
  }

  remove(address: string): void {
    this.#due.delete(address);
  }

  stop(): void {
    this.#due.clear();
    if (this.#timer) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    const { clock, start } = this.#options;
    this.#timer ??= clock.setTimer(Math.max(0, this.#nextAt - clock.now()), () => {
      this.#timer = undefined;
      this.#nextAt = clock.now() + this.#everyMs;
      let left = this.#lot;
      for (const [address, name] of this.#due) {
        if (left-- === 0) break;
        this.#due.delete(address);
        start(name);
      }
      if (this.#due.size > 0) this.#schedule();
    });
  }
}
