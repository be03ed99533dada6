import type { Random } from '@tutti/kernel';
import { FAULTS, type Trouble } from './faults.ts';
import { after, type FiveNodes } from './five-nodes.ts';

/** Between the beginnings of two troubles, and how long one lasts: they overlap at times. */
const GAP_MS = { min: 300, max: 2_500 };
const LASTS_MS = { min: 300, max: 2_000 };

/**
 * Makes trouble, drawn from a seed, until it is stopped. Which kind comes when follows from the seed; what it meets is
 * up to the processes, which run in their own time.
 */
export class Nemesis {
  readonly #cluster: FiveNodes;
  readonly #random: Random;
  readonly #say: (text: string) => void;
  readonly #under: Set<Promise<void>> = new Set();
  readonly #endings = new Set<() => void>();
  #stopped = false;
  /** What was done, in order. */
  readonly log: string[] = [];

  constructor(cluster: FiveNodes, random: Random, say: (text: string) => void) {
    this.#cluster = cluster;
    this.#random = random;
    this.#say = say;
  }

  /** Makes trouble for so long, then ends it all. */
  async run(durationMs: number): Promise<void> {
    const until = performance.now() + durationMs;
    while (performance.now() < until) {
      const fault = this.#random.pick(FAULTS);
      const draw = this.#random.fork(`${this.log.length}`);
      const lastsMs = this.#random.integer(LASTS_MS.min, LASTS_MS.max);
      const gapMs = this.#random.integer(GAP_MS.min, GAP_MS.max);
      const trouble = await fault(this.#cluster, draw);
      if (trouble) this.#let(trouble, lastsMs);
      await after(Math.max(0, Math.min(gapMs, until - performance.now())));
    }
    await this.heal();
  }

  #let(trouble: Trouble, lastsMs: number): void {
    this.log.push(`${trouble.what} for ${lastsMs} ms`);
    this.#say(`  ${this.log.at(-1)}`);
    const over = (async () => {
      if (!this.#stopped)
        await Promise.race([after(lastsMs), new Promise<void>((end) => this.#endings.add(end))]);
      await trouble.end();
    })();
    this.#under.add(over);
    // One that failed to end stays, and `heal` tells.
    over.then(
      () => this.#under.delete(over),
      () => {},
    );
  }

  /** Ends all that is going on. */
  async heal(): Promise<void> {
    this.#stopped = true;
    for (const end of this.#endings) end();
    await Promise.all(this.#under);
  }
}
