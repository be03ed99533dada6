import type { Entry } from './messages.ts';

/**
 * Committed entries that were handed out and are not applied yet, in bytes: a state machine that is slower than the log
 * must not gather it in memory. What it cannot take yet stays on the disk.
 */
export class Applying {
  readonly #bytesMax: number;
  #batches: { readonly last: number; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get hasRoom(): boolean {
    return this.#bytes < this.#bytesMax;
  }

  handed(entries: readonly Entry[]): void {
    let bytes = 0;
    for (const { data } of entries) bytes += data.length;
    this.#batches.push({ last: entries.at(-1)!.index, bytes });
    this.#bytes += bytes;
  }

  /** Everything up to `index` is applied, or a snapshot has taken its place. */
  applied(index: number): void {
    let done = 0;
    for (; done < this.#batches.length && this.#batches[done]!.last <= index; done++)
      this.#bytes -= this.#batches[done]!.bytes;
    if (done > 0) this.#batches.splice(0, done);
  }
}
