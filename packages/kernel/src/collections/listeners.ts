/** Those who want to be told of something, each as often as it listens. None of them can harm the others. */
export class Listeners<Listener> {
  readonly #all = new Set<{ readonly listener: Listener }>();

  get size(): number {
    return this.#all.size;
  }

  /** Returns the function that ends this one, however often the same listens. */
  add(listener: Listener): () => void {
    const own = { listener };
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  /**
   * Tells those that listen now and still do when it is their turn, in the order in which they began: one that is renewed
   * again and again while it is told would have no end. What one throws goes to `threw`, and the next is told.
   */
  tell(call: (listener: Listener) => void, threw: (thrown: unknown) => void): void {
    if (this.#all.size === 0) return;
    for (const own of Array.from(this.#all)) {
      if (!this.#all.has(own)) continue;
      try {
        call(own.listener);
      } catch (thrown) {
        threw(thrown);
      }
    }
  }
}
