import { assert } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';

/** The newest entries, in memory: all that are not durable yet, and older ones up to a bound of bytes. */
export class TailCache {
  readonly #bytesMax: number;
  #entries: Entry[] = [];
  #firstIndex: number;
  #bytes = 0;
  #durable: number;

  constructor(lastIndex: number, bytesMax: number) {
    this.#firstIndex = lastIndex + 1;
    this.#durable = lastIndex;
    this.#bytesMax = bytesMax;
  }

  /** The first entry in memory, or the one that will be. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** An entry that is in memory. */
  held(index: number): Entry | undefined {
    return this.#entries[index - this.#firstIndex];
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (!first) return;
    this.#truncateFrom(first.index);
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entry.data.length;
    }
  }

  #truncateFrom(index: number): void {
    this.#durable = Math.min(this.#durable, index - 1);
    if (index <= this.#firstIndex) {
      this.reset(index - 1);
      return;
    }
    assert(index <= this.#firstIndex + this.#entries.length, 'entries leave no gap');
    for (const entry of this.#entries.splice(index - this.#firstIndex)) this.#bytes -= entry.data.length;
  }

  /**
   * This very entry is on disk, and those before it: they may leave the memory. A report for an entry that has been
   * replaced meanwhile says nothing about the replacement, whose own report is to come.
   */
  durable(entry: Entry): void {
    if (this.#entries[entry.index - this.#firstIndex] !== entry) return;
    this.#durable = Math.max(this.#durable, entry.index);
    if (this.#bytes <= this.#bytesMax) return;
    let bytes = this.#bytes;
    let count = 0;
    // Down to half the bound, so that the array is not shifted for every entry.
    while (bytes > this.#bytesMax / 2 && this.#firstIndex + count <= this.#durable)
      bytes -= this.#entries[count++]!.data.length;
    this.#dropFirst(count);
  }

  entries(from: number, to: number, maxBytes: number): Entry[] {
    const found = this.upTo(from, to, maxBytes);
    if (found.length > 0 || from > to) return found;
    return [this.#entries[from - this.#firstIndex]!];
  }

  /** As many entries from `from` on as have together at most `maxBytes`; may be none. */
  upTo(from: number, to: number, maxBytes: number): Entry[] {
    const start = from - this.#firstIndex;
    const limit = Math.min(to - this.#firstIndex, this.#entries.length - 1);
    let end = start;
    for (let bytes = 0; end <= limit; end++) {
      bytes += this.#entries[end]!.data.length;
      if (bytes > maxBytes) break;
    }
    return this.#entries.slice(start, end);
  }

  dropThrough(index: number): void {
    this.#dropFirst(Math.min(index, this.#durable) - this.#firstIndex + 1);
  }

  /** Forgets everything; the next entry is `index + 1`. */
  reset(index: number): void {
    this.#entries = [];
    this.#bytes = 0;
    this.#firstIndex = index + 1;
    this.#durable = index;
  }

  #dropFirst(count: number): void {
    if (count <= 0) return;
    for (const entry of this.#entries.splice(0, count)) this.#bytes -= entry.data.length;
    this.#firstIndex += count;
  }
}
