import { type NodeId, TuttiError } from '@tutti/kernel';
import type { ReplicaConfig } from './replica-options.ts';

/**
 * Notices that something handed to the disk does not come back. It counts ticks, not time: while this node's own loop
 * stands still, nothing can come back, and that is not the disk's fault.
 */
export class StallWatch {
  readonly #ticksMax: number;
  #underWay = false;
  #ticks = 0;

  constructor(ticksMax: number) {
    this.#ticksMax = ticksMax;
  }

  begin(): void {
    this.#underWay = true;
    this.#ticks = 0;
  }

  end(): void {
    this.#underWay = false;
  }

  /** A tick has passed; true when what is under way has taken too many. */
  tick(): boolean {
    return this.#underWay && ++this.#ticks >= this.#ticksMax;
  }
}

/** Everything that a replica may have under way at its log store and cannot go on without. */
export class DiskWatch {
  readonly write: StallWatch;
  readonly reset: StallWatch;
  readonly #nodeId: NodeId;
  readonly #flushTimeoutMs: number;

  constructor(nodeId: NodeId, { flushTimeoutMs, tickMs }: Required<ReplicaConfig>) {
    const ticksMax = Math.ceil(flushTimeoutMs / tickMs);
    this.write = new StallWatch(ticksMax);
    this.reset = new StallWatch(ticksMax);
    this.#nodeId = nodeId;
    this.#flushTimeoutMs = flushTimeoutMs;
  }

  /** A tick has passed. @returns why the disk must be given up, if it must */
  tick(): TuttiError | undefined {
    // Both are asked, since both count.
    const stalled = [this.write.tick(), this.reset.tick()].includes(true);
    if (!stalled) return undefined;
    const problem = `a write has not come back for ${this.#flushTimeoutMs} ms`;
    return new TuttiError('TUTTI_STORE_FAILED', { directory: `use by ${this.#nodeId}`, problem });
  }
}
