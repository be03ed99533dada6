import type { PendingAssignment } from './dispatch.ts';

interface Asked {
  readonly at: number;
  readonly assignment?: PendingAssignment;
}

/**
 * What a master has asked the log for, kept for a while: this node's copy of the board may be a moment behind the
 * log, and a duty that still shows must not be proposed on every look. What was asked for and refused is asked again
 * only when {@link ASK_AGAIN_MS} are over, so that a refusal never becomes a storm. A value: each change is a new one.
 */
export class Agenda {
  readonly #asked: ReadonlyMap<string, Asked>;

  constructor(asked: ReadonlyMap<string, Asked> = new Map()) {
    this.#asked = asked;
  }

  get size(): number {
    return this.#asked.size;
  }

  has(key: string): boolean {
    return this.#asked.has(key);
  }

  assignments(): PendingAssignment[] {
    return [...this.#asked.values()].flatMap(({ assignment }) => assignment ?? []);
  }

  /** With what is asked at `now`, and without what is too long ago. */
  with(entries: Iterable<readonly [string, PendingAssignment | undefined]>, now: number): Agenda {
    const asked = new Map([...this.#asked].filter(([, { at }]) => now - at < ASK_AGAIN_MS));
    for (const [key, assignment] of entries) asked.set(key, { at: now, ...(assignment && { assignment }) });
    return new Agenda(asked);
  }

  /** Without these: they did not reach the log, and may be asked again at once. */
  without(keys: Iterable<string>): Agenda {
    const asked = new Map(this.#asked);
    for (const key of keys) asked.delete(key);
    return new Agenda(asked);
  }
}

/** How long a duty that was proposed is left alone. */
export const ASK_AGAIN_MS = 1_000;
