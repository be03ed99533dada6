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
