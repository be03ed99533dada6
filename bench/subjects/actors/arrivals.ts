/** Counts what arrives at a receiver, so that a sample ends when the last message is there and not before. */
export class Arrivals {
  count = 0;
  #wanted = Infinity;
  #reached: () => void = () => {};

  arrive(): void {
    if (++this.count === this.#wanted) this.#reached();
  }

  /** Resolves when `total` have arrived since the start. */
  until(total: number): Promise<void> {
    if (this.count >= total) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wanted = total;
      this.#reached = resolve;
    });
  }
}

/** @throws Error when the two differ: then the sample measured something else than it says. */
export function mustEqual(what: string, got: number, expected: number): void {
  if (got !== expected) throw new Error(`${what}: ${got} instead of ${expected}`);
}
