import { type Incarnation, type NodeId, TuttiError } from '@tutti/kernel';
import type { Holder } from './commands.ts';

/** Lives given up that are remembered, so that an assignment that crosses with the loss is refused. */
const LOST_HOLDERS_KEPT = 1_024;

/** The last life of each node that was given up, the oldest forgotten first. */
export class LostLives {
  readonly #lives = new Map<NodeId, Incarnation>();

  /** @throws TuttiError `TUTTI_HOLDER_LOST` */
  refuse({ node, incarnation }: Holder): void {
    const lost = this.#lives.get(node);
    if (lost !== undefined && incarnation <= lost)
      throw new TuttiError('TUTTI_HOLDER_LOST', { node, incarnation });
  }

  remember({ node, incarnation }: Holder): void {
    const known = this.#lives.get(node);
    if (known !== undefined && known >= incarnation) return;
    this.#lives.delete(node);
    this.#lives.set(node, incarnation);
    if (this.#lives.size <= LOST_HOLDERS_KEPT) return;
    for (const oldest of this.#lives.keys()) {
      this.#lives.delete(oldest);
      break;
    }
  }

  entries(): [NodeId, Incarnation][] {
    return [...this.#lives];
  }

  restore(lives: Iterable<readonly [NodeId, Incarnation]>): void {
    this.#lives.clear();
    for (const [node, life] of lives) this.#lives.set(node, life);
  }
}
