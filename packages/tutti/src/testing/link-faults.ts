import type { NodeId } from '@tutti/kernel';
import type { MemoryNetwork } from '@tutti/transport/memory';

/** Cuts of links that may overlap: a direction is whole again when the last cut of it has ended. */
export class LinkFaults {
  readonly #network: MemoryNetwork;
  readonly #counts = new Map<string, number>();

  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  /** Nothing passes in this direction, until the returned function is called. */
  cut(from: NodeId, to: NodeId): () => void {
    const key = `${from}>${to}`;
    const counts = this.#counts;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    this.#network.cut(from, to, { oneWay: true });
    let isOver = false;
    return () => {
      // After a healing of everything there is nothing left to end.
      if (isOver || !counts.has(key)) return;
      isOver = true;
      const left = counts.get(key)! - 1;
      if (left > 0) counts.set(key, left);
      else this.#mend(from, to, key);
    };
  }

  heal(): void {
    this.#counts.clear();
    this.#network.heal();
  }

  /** The network mends both directions at once. */
  #mend(from: NodeId, to: NodeId, key: string): void {
    this.#counts.delete(key);
    this.#network.heal(from, to);
    if (this.#counts.has(`${to}>${from}`)) this.#network.cut(to, from, { oneWay: true });
  }
}
