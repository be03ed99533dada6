import type { Clock, NodeId } from '@tutti/kernel';
import type { NodeLiveness } from '../replica/quiescence.ts';

/** Which nodes are there: one judgement for all groups of a process, from what was heard of each node last. */
export class HeardNodes implements NodeLiveness {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #heardAt = new Map<NodeId, number>();

  /** @param silenceMs A node that was not heard for this long is held to be gone. */
  constructor(clock: Clock, silenceMs: number) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
  }

  /** True when it was held to be gone before. */
  heard(node: NodeId): boolean {
    const isNew = !this.#heardAt.has(node);
    this.#heardAt.set(node, this.#clock.now());
    return isNew;
  }

  isAlive(node: NodeId): boolean {
    return this.#heardAt.has(node);
  }

  /** Forgets the nodes that have been silent too long, and names them. */
  lost(): NodeId[] {
    const now = this.#clock.now();
    const lost: NodeId[] = [];
    for (const [node, at] of this.#heardAt) if (now - at >= this.#silenceMs) lost.push(node);
    for (const node of lost) this.#heardAt.delete(node);
    return lost;
  }

  forget(node: NodeId): void {
    this.#heardAt.delete(node);
  }
}
