import { type Term, term } from '@tutti/kernel';

/** In the place of the term of an entry that was flushed once and cannot be read. */
export const LOST = -1;

/** One number for each entry; 64 bits where 32 do not hold it. */
type Column = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/**
 * What is known of the entries of one log, in columns rather than objects. Indexes have no gap, and the first is
 * `base + 1`. Whoever extends it says which numbers there are beside the term.
 */
export abstract class EntryColumns {
  #base = 0;
  #baseTerm: Term | undefined = term(0);
  #size = 0;
  #terms: Column;
  /** Beside the terms, in the order in which they were given. */
  protected readonly columns: Column[];

  /** @param columns Empty, each of as many places as are wanted at first. */
  constructor(columns: readonly Column[]) {
    this.columns = [...columns];
    this.#terms = new Float64Array(columns[0]!.length);
  }

  get base(): number {
    return this.#base;
  }

  get baseTerm(): Term | undefined {
    return this.#baseTerm;
  }

  protected get end(): number {
    return this.#base + this.#size;
  }

  /** Where the numbers of an entry stand; undefined when it is not held. */
  protected rowOf(index: number): number | undefined {
    return index > this.#base && index <= this.end ? index - this.#base - 1 : undefined;
  }

  /** The term of an entry that is held and not lost, or of the one before the first. */
  termAt(index: number): Term | undefined {
    if (index === this.#base) return this.#baseTerm;
    const row = this.rowOf(index);
    const found = row === undefined ? LOST : this.#terms[row]!;
    return found === LOST ? undefined : term(found);
  }

  /** Puts an entry at its index, drops what stood there and after it, and gives its row. */
  protected putTerm(index: number, entryTerm: number): number {
    const row = index - this.#base - 1;
    if (row >= this.#terms.length) this.#grow();
    this.#terms[row] = entryTerm;
    this.#size = row + 1;
    return row;
  }

  /** Notes the term of the entry before the first, where the log alone does not tell it. */
  learnBaseTerm(baseTerm: Term): void {
    this.#baseTerm ??= baseTerm;
  }

  /** Forgets `index` and all after it. */
  truncateFrom(index: number): void {
    this.#size = Math.min(this.#size, Math.max(0, index - this.#base - 1));
  }

  /** Forgets entries up to and including `index`. */
  dropThrough(index: number): void {
    const dropped = Math.min(index, this.end) - this.#base;
    if (dropped <= 0) return;
    this.#baseTerm = this.termAt(this.#base + dropped);
    for (const column of [this.#terms, ...this.columns]) column.copyWithin(0, dropped, this.#size);
    this.#base += dropped;
    this.#size -= dropped;
  }

  /** Forgets everything; the next entry is `index + 1`. */
  reset(index: number, baseTerm: Term | undefined): void {
    this.#base = index;
    this.#baseTerm = baseTerm;
    this.#size = 0;
  }

  #grow(): void {
    this.#terms = doubled(this.#terms);
    for (const [at, column] of this.columns.entries()) this.columns[at] = doubled(column);
  }
}

function doubled(column: Column): Column {
  const size = column.length * 2;
  const copy = column instanceof Float64Array ? new Float64Array(size) : new Uint32Array(size);
  copy.set(column);
  return copy;
}
