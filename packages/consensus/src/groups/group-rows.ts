import { type Term, term } from '@tutti/kernel';
import type { RecordRow } from './group-record.ts';

/**
 * Where in the shared log each entry of one group stands, from `base + 1` on without a gap. A group that is idle has a
 * few rows at most, so the columns begin small.
 */
export class GroupRows {
  #base = 0;
  #baseTerm: Term | undefined = term(0);
  #size = 0;
  #terms = new Float64Array(4);
  /** The record, by its index in the shared log; and where in it the data stand. */
  #records = new Float64Array(4);
  #offsets = new Uint32Array(4);
  #lengths = new Uint32Array(4);

  get base(): number {
    return this.#base;
  }

  get baseTerm(): Term | undefined {
    return this.#baseTerm;
  }

  get lastIndex(): number {
    return this.#base + this.#size;
  }

  termAt(index: number): Term | undefined {
    if (index === this.#base) return this.#baseTerm;
    const row = index - this.#base - 1;
    return row >= 0 && row < this.#size ? term(this.#terms[row]!) : undefined;
  }

  recordOf(index: number): number {
    return this.#records[index - this.#base - 1]!;
  }

  offsetOf(index: number): number {
    return this.#offsets[index - this.#base - 1]!;
  }

  lengthOf(index: number): number {
    return this.#lengths[index - this.#base - 1]!;
  }

  /** Puts an entry at its place; what stood there and after it is forgotten. */
  put(row: RecordRow, record: number): void {
    this.#size = row.index - this.#base - 1;
    if (this.#size === this.#terms.length) this.#grow();
    this.#terms[this.#size++] = row.term;
    this.place(row, record);
  }

  /** An entry that is here stands somewhere else now. */
  place({ index, offset, length }: RecordRow, record: number): void {
    const at = index - this.#base - 1;
    this.#records[at] = record;
    this.#offsets[at] = offset;
    this.#lengths[at] = length;
  }

  learnBaseTerm(baseTerm: Term): void {
    this.#baseTerm ??= baseTerm;
  }

  dropThrough(index: number): void {
    const dropped = Math.min(index, this.lastIndex) - this.#base;
    if (dropped <= 0) return;
    this.#baseTerm = this.termAt(this.#base + dropped);
    for (const column of [this.#terms, this.#records, this.#offsets, this.#lengths])
      column.copyWithin(0, dropped, this.#size);
    this.#base += dropped;
    this.#size -= dropped;
  }

  reset(index: number, baseTerm: Term | undefined): void {
    this.#base = index;
    this.#baseTerm = baseTerm;
    this.#size = 0;
  }

  #grow(): void {
    const size = this.#terms.length * 2;
    const words = (column: Uint32Array<ArrayBuffer>) => {
      const copy = new Uint32Array(size);
      copy.set(column);
      return copy;
    };
    const numbers = (column: Float64Array<ArrayBuffer>) => {
      const copy = new Float64Array(size);
      copy.set(column);
      return copy;
    };
    this.#terms = numbers(this.#terms);
    this.#records = numbers(this.#records);
    this.#offsets = words(this.#offsets);
    this.#lengths = words(this.#lengths);
  }
}
