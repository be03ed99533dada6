/** The promises that a run holds the cluster to. */
export const PROMISES = [
  'one incarnation of a key acts at a time',
  'effects of a durable entity come in the order of its commits',
  'nothing acknowledged is lost',
  'nothing takes effect twice',
  'what one sender sends to one key keeps its order',
  'an orderly stop is not noticed',
  'a watcher hears exactly once',
  'a singleton is active at most once',
  'equal states at equal indexes',
  'who is gone is gone',
  'a durable timer fires once, in its time',
  'a remembered entity comes back by itself',
  'a durable singleton goes on from what was committed',
  'a reliable channel delivers once, in order',
  'a subscriber gets each event once, in order',
] as const;

export type Promised = (typeof PROMISES)[number];

/**
 * Stands outside of the cluster, and is told of everything that gets out of it: effects as they are released, answers
 * as they are heard, notices as they come. It knows nothing of how the cluster does it.
 */
export class Oracle {
  readonly #broken = new Map<Promised, string>();
  readonly #acted = new Map<string, Set<number>>();
  readonly #current = new Map<string, number>();
  readonly #released = new Map<string, number>();
  readonly #outcomes = new Map<string, { readonly digest: number; readonly node: string }>();
  #activations = 0;
  /** How much there was to look at, to see that a run exercises what it is for. */
  readonly counts = {
    acts: 0,
    activations: 0,
    released: 0,
    outcomes: 0,
    acknowledged: 0,
    notices: 0,
    obituaries: 0,
    alarms: 0,
    remembered: 0,
    stewarded: 0,
    letters: 0,
    news: 0,
  };

  /** What is wrong with a promise, once it has been broken. */
  problemWith(promised: Promised): string | undefined {
    return this.#broken.get(promised);
  }

  breaks(promised: Promised, problem: string): void {
    if (!this.#broken.has(promised)) this.#broken.set(promised, problem);
  }

  newActivation(): number {
    this.counts.activations++;
    return ++this.#activations;
  }

  /** An activation does something that the world sees. Once a later one has, an earlier one must never again. */
  act(key: string, activation: number): void {
    this.counts.acts++;
    const seen = this.#acted.get(key) ?? new Set();
    this.#acted.set(key, seen);
    const now = this.#current.get(key);
    if (now !== activation && seen.has(activation)) {
      const promised =
        key === 'master' || key === 'steward' ? 'a singleton is active at most once' : PROMISES[0];
      this.breaks(promised, `${key}: activation ${activation} acts after activation ${now}`);
    }
    seen.add(activation);
    this.#current.set(key, activation);
  }

  /** A durable entity shows that its commit of this count is in the log. */
  release(key: string, count: number): void {
    this.counts.released++;
    const before = this.#released.get(key) ?? 0;
    if (count <= before)
      this.breaks(PROMISES[1], `${key}: the effect of commit ${count} comes after that of ${before}`);
    this.#released.set(key, Math.max(before, count));
  }

  /** A node has applied an entry of the log, with this outcome. */
  outcome(module: string, index: number, node: string, digest: number): void {
    this.counts.outcomes++;
    const known = this.#outcomes.get(`${module} ${index}`);
    if (!known) this.#outcomes.set(`${module} ${index}`, { digest, node });
    else if (known.digest !== digest)
      this.breaks(PROMISES[8], `${node} and ${known.node} differ on entry ${index} of ${module}`);
  }
}
